import { decodeBatch, encode, encodeBatch, isPrimaryOwnRecord } from '@halfsecond/protocol'
import { builtInRules } from '../../src/core/identity/rules.ts'
import { builtInIdentity } from '../../src/core/shard/shard-state.ts'
import type { PlaybookTexts } from '../../src/runtime/catalogues/playbook-compiler.ts'
import type { EngineDependencies } from '../../src/runtime/engine-dependencies.ts'
import type { Bus, Follower, Log } from '../../src/runtime/ports.ts'
import type { Plant } from './simulation.ts'

/*
 * Wrong programs, each wrong in one way: a simulator that does not find them finds nothing.
 */

/** One node takes identifiers for invalid that all others take. */
export const otherFactsOnOneNode: Plant = {
  engine: (uses, node) => (node === 'n1' ? withoutAnonymous(uses) : uses),
}

/** All nodes agree, on wrong facts. */
export const otherFactsOnAllNodes: Plant = { engine: withoutAnonymous }

/** A replica whose log lost entries goes on behind where it was. */
export const goesOnInAnotherLog: Plant = {
  engine: (uses) => ({
    ...uses,
    log: withFollower(uses.log, (shard, applied, follower) => ({
      ...follower,
      discontinued: () => {
        let last = applied()
        const start = { incarnation: 1_000 + shard, applied: 0, fingerprint: '' }
        uses.log.follow(shard, start, {
          ...follower,
          entry: (entry) => {
            if (entry.sequence <= last) return
            last = entry.sequence
            follower.entry(entry)
          },
        })
      },
    })),
  }),
}

/** Nodes decide by another playbook than the one that was published. */
export const decidesByAnotherPlaybook: Plant = {
  engine: (uses) => {
    const { texts } = uses
    const compile: PlaybookTexts['compile'] = (text, catalogues) =>
      texts.compile(text.replace("banner: '", "banner: 'about "), catalogues)
    return { ...uses, texts: { ...texts, compile } }
  },
}

/** A replica holds itself for fresh whatever its log says. */
export const alwaysFresh: Plant = {
  engine: (uses) => ({
    ...uses,
    log: withFollower(uses.log, (_, __, follower) => {
      const again = () => {
        follower.caughtUp()
        uses.clock.after(300, again)
      }
      return {
        ...follower,
        caughtUp: () => {
          follower.caughtUp()
          uses.clock.after(300, again)
        },
      }
    }),
  }),
}

/** A log that acknowledges what it does not keep. */
export const losesWhatItAcknowledges: Plant = {
  clientLog: (log) => {
    let appends = 0
    return withAppend(log, (shard, bytes, writer) =>
      ++appends % 20 === 0 ? Promise.resolve(1) : log.append(shard, bytes, writer),
    )
  },
}

/** Other systems' stream confirms what it does not keep. */
export const losesSignals: Plant = {
  engine: (uses) => {
    const { signals } = uses
    let publications = 0
    const publish: typeof signals.publish = async (shard, told) => {
      if (++publications % 5 !== 0) await signals.publish(shard, told)
    }
    return {
      ...uses,
      signals: {
        publish,
        read: (after, limit) => signals.read(after, limit),
        remove: (isGone) => signals.remove(isGone),
      },
    }
  },
}

/** A node that leads again goes on in the epoch of its former life. */
export function keepsItsEpoch(): Plant {
  const epochs = new Map<string, number>()
  return {
    engine: (uses, node) => ({
      ...uses,
      log: withAppend(uses.log, (shard, bytes, writer) => {
        const { producer, n, records } = decodeBatch(bytes)
        const [record] = records
        if (!isPrimaryOwnRecord(record) || record.kind !== 'primary')
          return uses.log.append(shard, bytes, writer)
        const epoch = epochs.get(`${node} ${shard}`) ?? record.epoch
        epochs.set(`${node} ${shard}`, epoch)
        return uses.log.append(
          shard,
          encodeBatch(producer, n, [encode({ ...record, epoch })]),
          writer,
        )
      }),
    }),
  }
}

/** A primary trims all that its log has. */
export const trimsEverything: Plant = {
  engine: (uses) => ({
    ...uses,
    log: {
      ...withAppend(uses.log, (...args) => uses.log.append(...args)),
      trim: async (shard) => uses.log.trim(shard, (await uses.log.extent(shard)).last + 1),
    },
  }),
}

/** A node cannot lead, and nobody leads in its place. */
export const neverLeads: Plant = {
  engine: (uses) => ({ ...uses, log: withAppend(uses.log, () => new Promise(() => {})) }),
}

/** A decide asks the coordination first. */
export const decidesByTheCoordination: Plant = {
  engine: (uses) => ({ ...uses, bus: withServe(uses.bus, () => uses.coordination.get('map')) }),
}

/** Nothing ever leaves memory. */
export const keepsEverything: Plant = { engine: (uses) => ({ ...uses, memoryBytes: 1024 ** 3 }) }

/** The state that follows a log is told other rules than those of the log. */
function withoutAnonymous(uses: EngineDependencies): EngineDependencies {
  const namespaces = new Map(builtInRules.namespaces)
  namespaces.delete('anon')
  const identity = { ...builtInIdentity, rules: { ...builtInRules, namespaces } }
  const follow: Log['follow'] = (shard, cursor, follower) => {
    Object.assign(cursor, { identity })
    return uses.log.follow(shard, cursor, follower)
  }
  return {
    ...uses,
    log: { ...withAppend(uses.log, (...args) => uses.log.append(...args)), follow },
  }
}

function withAppend(log: Log, append: Log['append']): Log {
  return {
    shards: log.shards,
    fileBytes: log.fileBytes,
    append,
    extent: (shard) => log.extent(shard),
    follow: (shard, cursor, follower) => log.follow(shard, cursor, follower),
    trim: (shard, first) => log.trim(shard, first),
    expunge: (firsts) => log.expunge(firsts),
    usage: (shard) => log.usage(shard),
    close: () => log.close(),
  }
}

function withFollower(
  log: Log,
  change: (shard: number, applied: () => number, follower: Follower) => Follower,
): Log {
  return {
    ...withAppend(log, (...args) => log.append(...args)),
    follow: (shard, cursor, follower) => {
      let { applied } = cursor
      const changed = change(shard, () => applied, follower)
      return log.follow(shard, cursor, {
        ...changed,
        entry: (entry) => {
          applied = entry.sequence
          changed.entry(entry)
        },
      })
    },
  }
}

function withServe(bus: Bus, before: () => Promise<unknown>): Bus {
  return {
    serve: (subject, handler) =>
      bus.serve(subject, async (bytes) => {
        if (subject.endsWith('.decide')) await before()
        return handler(bytes)
      }),
    serveShared: (subject, handler) => bus.serveShared(subject, handler),
    request: (subject, bytes, timeoutMs) => bus.request(subject, bytes, timeoutMs),
    publish: (subject, bytes) => bus.publish(subject, bytes),
    listen: (subject, handler) => bus.listen(subject, handler),
    close: () => bus.close(),
  }
}

import {
  decodeBatch,
  encode,
  encodeBatch,
  isOutboxRecord,
  type OutboxRecord,
} from '@halfsecond/protocol'
import { signalDestination } from '../../../src/core/shard/signal.ts'
import type { Plant } from './identity-world.ts'

/*
 * Wrong programs, each wrong in one way: an oracle that does not find them finds nothing.
 */

/** Copies are handed up and never taken back. */
export const neverTakesBack: Plant = {
  publish: changing((record) => (record.kind === 'gone' ? undefined : record)),
}

/** Whoever is below is not told that its link was refused. */
export const refusesInSilence: Plant = {
  publish: changing((record) => (record.kind === 'refuse' ? undefined : record)),
}

/** Nobody takes back a refusal that was not needed. */
export const neverReinstates: Plant = {
  publish: changing((record) => (record.kind === 'reinstate' ? undefined : record)),
}

/** Whoever keeps a name does not tell it. */
export const neverMentions: Plant = {
  publish: changing((record) => (record.kind === 'mention' ? undefined : record)),
}

/** An erase is not spread to whoever is below. */
export const erasesUpwardsOnly: Plant = {
  publish: changing((record) => (record.kind === 'erase' && record.check ? undefined : record)),
}

/** Nobody says that an erase was done. */
export const neverAnswersAnErase: Plant = {
  publish: changing((record) => (record.kind === 'erased' ? undefined : record)),
}

/** A message that replaces another one keeps that one's number. */
export function keepsNumbers(): Plant {
  const numbers = new Map<string, number>()
  return {
    publish: (bytes, from, to) =>
      changing((record) => {
        const key = `${from} ${to} ${record.kind} ${record.from} ${record.to}`
        const n = numbers.get(key) ?? record.n
        numbers.set(key, n)
        return { ...record, n }
      })(bytes),
    began: () => numbers.clear(),
  }
}

/** A refused link stays refused though it is told again. */
export function refusesForEver(): Plant {
  const refused = new Set<string>()
  return {
    began: () => refused.clear(),
    folded: ({ fragments }) => {
      for (const { identifier, ties } of fragments.values())
        for (const [to, link] of ties?.links ?? []) {
          const key = `${identifier} ${to}`
          if (link.state === 'refused') refused.add(key)
          else if (refused.has(key)) ties?.links.set(to, { ...link, state: 'refused' })
        }
    },
  }
}

/** A fragment forgets that it was erased. */
export const forgetsErases: Plant = {
  folded: ({ fragments }) => {
    for (const { ties } of fragments.values())
      if (ties?.tomb && [...ties.tomb.erasures.values()].every(({ doneAt }) => doneAt > 0))
        ties.tomb = null
  },
}

/** Messages of a shard are taken again, however often they come. */
export const takesEverythingTwice: Plant = {
  folded: ({ state }) => {
    for (let shard = 0; shard < state.shards; shard++)
      if (state.producers.get(`outbox:${shard}`)) state.producers.set(`outbox:${shard}`, 0, 0)
  },
}

/** A primary that starts anew holds for sent what was only published. */
export const losesItsOutbox: Plant = {
  folded: ({ state }) => {
    if (state.epoch < 2) return
    for (const destination of [...state.outbox.waiting()])
      state.outbox.sent(destination, Number.MAX_SAFE_INTEGER, () => {})
  },
}

/** As that, but only of what other systems hear. */
export const losesItsSignals: Plant = {
  folded: ({ state }) => {
    if (state.epoch < 2) return
    const destination = signalDestination(state.shards)
    state.outbox.sent(destination, Number.MAX_SAFE_INTEGER, () => {})
  },
}

/** Links that are left when another one is taken back lose what proved them. */
export function weakensWhatIsLeft(): Plant {
  const counts = new Map<string, number>()
  return {
    began: () => counts.clear(),
    folded: ({ fragments }) => {
      for (const { identifier, ties } of fragments.values()) {
        if (ties === null) continue
        const isFewer = ties.links.size < (counts.get(identifier) ?? 0)
        counts.set(identifier, ties.links.size)
        if (!isFewer) continue
        for (const [to, link] of ties.links) ties.links.set(to, { ...link, strength: 'asserted' })
      }
    },
  }
}

/** Something of a shard depends on how often its program folded anything. */
export function countsItsFolds(): Plant {
  let folds = 0
  return { folded: ({ state }) => state.time.tick(++folds, folds) }
}

/** Primaries talk for ever. */
export const neverRests: Plant = {
  folded: ({ state, fragments }) => {
    const [fragment] = fragments.values()
    const [from] = fragment?.ties?.told.keys() ?? []
    if (!fragment || !from) return
    const message = { kind: 'gone', from: fragment.identifier, to: from, id: from } as const
    state.outbox.put(state.shard, message, () => {})
  },
}

type Change = (record: OutboxRecord) => OutboxRecord | undefined

function changing(change: Change): (bytes: Uint8Array) => Uint8Array | undefined {
  return (bytes) => {
    const { producer, n, records } = decodeBatch(bytes)
    const changed = records
      .filter((record) => isOutboxRecord(record))
      .map(change)
      .filter((record) => record !== undefined)
    if (changed.length === 0) return undefined
    return encodeBatch(
      producer,
      n,
      changed.map((record) => encode(record)),
    )
  }
}

import {
  decode,
  encode,
  HalfsecondError,
  isErrorCode,
  isFields,
  subjects,
  toHalfsecondError,
} from '@halfsecond/protocol'
import {
  addTallies,
  emptyTally,
  riseOf,
  risePointsMax,
  type TrialTally,
} from '../../core/decision/trial.ts'
import type { PlaybookCompiler } from '../catalogues/playbook-compiler.ts'
import { linesIn } from '../identity/lines.ts'
import type { Bus, Clock, Coordination } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'
import type { PlaybookRegistry } from './playbook-registry.ts'
import {
  type Authoring,
  type Lacking,
  type PlaybookVersion,
  type Published,
  type PublishRequest,
  tallyOf,
} from './publication.ts'
import type { StagedPlaybooks } from './staged-playbooks.ts'

/** Timelines that a playbook is tried on. */
const timelinesMax = 1_000

/** How long that may take: what is not done by then is left out. */
const trialMs = 8_000

/** Shards that try it at a time: each node gives only so many long answers. */
const shardsAtOnce = 4

/** How long other nodes may take to fetch and compile it before it is activated without them. */
const stageMs = 5_000

export interface PublisherDependencies {
  readonly registry: PlaybookRegistry
  readonly staged: StagedPlaybooks
  readonly compiler: Pick<PlaybookCompiler, 'bound'>
  readonly author: Authoring
  readonly coordination: Pick<Coordination, 'putBlob'>
  readonly hash: (text: string) => string
  /** The other nodes that live. */
  readonly others: () => readonly string[]
  readonly bus: Pick<Bus, 'request'>
  /** Answers from whichever node holds the shard. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
  /** Number of shards. */
  readonly shards: number
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The way of a playbook from its text to deciding: it is checked, made ready on every node, tried on
 * timelines, and then gets its number. Nothing decides by it before all of that.
 */
export class Publisher {
  private readonly uses: PublisherDependencies

  constructor(uses: PublisherDependencies) {
    this.uses = uses
  }

  /**
   * Rejects with a `PlaybookError` for a text that is faulty or fails its own tests, with `INVALID`
   * where there are objections; only faults stand against force. Rejects with `TIMEOUT` where some
   * shards decide by an older one yet: then they will.
   */
  publish(text: string, request: PublishRequest): Promise<Published> {
    return this.run(text, request, undefined)
  }

  /**
   * Publishes the text of an earlier version under a new number. What a trial says is told, and is
   * no objection: whoever goes back is in a hurry. Rejects as `publish`, and with `INVALID` where
   * there is no such version.
   */
  async rollback(version: number, request: PublishRequest): Promise<Published> {
    const { text } = await this.at(version)
    return this.run(text, request, version)
  }

  /** The newest version that any shard of this node decides by. */
  get active(): { readonly text: string } | undefined {
    return this.uses.registry.active
  }

  /** The newest versions, latest first. Rejects with `UNAVAILABLE`. */
  versions(): Promise<readonly PlaybookVersion[]> {
    return this.uses.registry.versions()
  }

  /** A version with its text. Rejects with `INVALID` where there is none, or with `UNAVAILABLE`. */
  async at(version: number): Promise<PlaybookVersion & { readonly text: string }> {
    const found = await this.uses.registry.versionAt(version)
    if (found === undefined)
      throw new HalfsecondError(
        'INVALID',
        `no playbook has the number ${version}; see halfsecond playbook log`,
      )
    const { text } = await this.uses.staged.textOf(found.hash)
    return { ...found, text }
  }

  private async run(
    written: string,
    request: PublishRequest,
    rollsBack: number | undefined,
  ): Promise<Published> {
    const { registry, author, clock } = this.uses
    const { isForced = false, isTried = true, isDry = false, by, note = '' } = request
    const before = registry.active
    const mustPass = !isForced && !isDry
    const { failures, warnings, changes } = await author.review(written, before?.text, mustPass)
    const text = await this.uses.compiler.bound(written)
    const hash = this.uses.hash(text)
    await this.uses.coordination.putBlob(hash, Buffer.from(text))
    const playbook = await this.uses.staged.put(hash, text)
    const { unable, silent } = await this.stage(hash)
    const trial = isTried && before !== undefined ? await this.tryOut(hash) : undefined
    const rises = trial ? risesOf(trial) : []
    const objections = [
      ...unable.map(({ node, why }) => `${node} cannot take it: ${why}`),
      ...(rollsBack === undefined ? rises : []),
      ...(failures.length > 0 ? [`it fails its own tests: ${failures.length}`] : []),
    ]
    if (objections.length > 0 && !isForced && !isDry)
      throw new HalfsecondError(
        'INVALID',
        `not published: ${objections.join('; ')}. See it with --dry-run, publish it all the same with --force`,
      )
    const told = {
      isDry,
      changes,
      failures,
      warnings,
      trial,
      risks: rollsBack === undefined ? [] : rises,
      objections,
      lacking: [...unable, ...silent],
    }
    if (isDry) return { version: before?.version ?? 0, hash, name: playbook.name, ...told }
    const claim = { hash, name: playbook.name, at: clock.now(), by, note, changes, trial }
    const isOverridden = isForced && objections.length > 0
    const active = await registry.add(text, playbook, {
      ...claim,
      isForced: isOverridden,
      rollsBack,
    })
    return { ...active, ...told }
  }

  /** Has every other node fetch and compile it. */
  private async stage(
    hash: string,
  ): Promise<{ readonly unable: readonly Lacking[]; readonly silent: readonly Lacking[] }> {
    const unable: Lacking[] = []
    const silent: Lacking[] = []
    await Promise.all(
      this.uses.others().map(async (node) => {
        try {
          const request = encode({ op: 'playbook.stage', hash })
          checkStaged(await this.uses.bus.request(subjects.control(node), request, stageMs))
        } catch (thrown) {
          const { code, message } = toHalfsecondError(thrown, 'UNAVAILABLE', 'no answer')
          const isAway = code === 'TIMEOUT' || code === 'UNAVAILABLE'
          ;(isAway ? silent : unable).push({ node, why: message })
        }
      }),
    )
    return { unable, silent }
  }

  private async tryOut(hash: string): Promise<TrialTally> {
    const { shards, clock } = this.uses
    const count = Math.ceil(timelinesMax / shards)
    const rounds = Math.ceil(shards / shardsAtOnce)
    const common = { hash, count, now: clock.now(), forMs: Math.ceil(trialMs / rounds) }
    let tally = emptyTally
    for (let first = 0; first < shards; first += shardsAtOnce) {
      const some = Array.from(
        { length: Math.min(shardsAtOnce, shards - first) },
        (_, i) => ({ what: 'playbookTrial', shard: first + i, ...common }) as const,
      )
      const tallies = await Promise.all(some.map((request) => this.tallyOf(request)))
      tally = tallies.reduce(addTallies, tally)
    }
    return tally
  }

  /** A shard that nobody answers for is left out: that must not keep anybody from publishing. */
  private async tallyOf(request: ReadRequest): Promise<TrialTally> {
    try {
      for await (const line of linesIn(this.uses.read(request))) {
        const tally = tallyOf(line)
        if (tally) return tally
      }
    } catch {
      return emptyTally
    }
    return emptyTally
  }
}

/** What is said of placements that would show default content to many more. */
function risesOf({ placements, timelines }: TrialTally): readonly string[] {
  return Object.entries(placements)
    .filter(([, tally]) => riseOf(tally) > risePointsMax)
    .map(([name, { asked, before, after }]) => {
      const percent = (part: number) => `${Math.round((part * 100) / asked)} %`
      return `${name} would show default content to ${percent(after)} instead of ${percent(before)} of the last ${timelines} timelines`
    })
}

function checkStaged(answer: Uint8Array): void {
  const value = decode(answer)
  if (isFields(value) && isErrorCode(value.error))
    throw new HalfsecondError(value.error, String(value.message))
}

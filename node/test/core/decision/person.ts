import {
  encode,
  type Identifier,
  identifierOf,
  type Outcome,
  type OutcomeRecord,
  type Properties,
} from '@halfsecond/protocol'
import { type Choice, decide, type Exposure } from '../../../src/core/decision/decide.ts'
import { Evaluation } from '../../../src/core/decision/evaluation.ts'
import { type Explained, explanationsOf } from '../../../src/core/decision/explain.ts'
import type { Explanation } from '../../../src/core/decision/explanation.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { profileOf } from '../../../src/core/decision/profile.ts'
import type { Trace } from '../../../src/core/decision/verdict.ts'
import { Digest } from '../../../src/core/digest.ts'
import { Arena } from '../../../src/core/fragment/arena.ts'
import { evolve, type FragmentRecord, type Ground } from '../../../src/core/fragment/evolve.ts'
import { type Fragment, initialFragment } from '../../../src/core/fragment/fragment.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'

/** A Wednesday noon in summer. */
export const noon = Date.UTC(2025, 5, 18, 12)
export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

export const calendar = new ZoneCalendar()

/** One person's fragment, written by the real fold and read by the real decision. */
export class Person {
  readonly key: Identifier = identifierOf('crm', '991')
  readonly fragment: Fragment = initialFragment(this.key)
  readonly ground: Ground
  private readonly playbook: Playbook
  private count = 0

  constructor(playbook: Playbook) {
    this.playbook = playbook
    const rows = new Map<number, Uint8Array>()
    this.ground = {
      arena: new Arena(),
      digest: new Digest(),
      chunks: {
        read: (_identifier, number) => rows.get(number),
        seal: (_identifier, number, row) => rows.set(number, row),
        remove: (_identifier, number) => rows.delete(number),
      },
    }
  }

  event(name: string, properties: Properties = {}, at = noon): FragmentRecord {
    return { kind: 'event', ...this.common(at), name, properties }
  }

  traits(set: Properties, at = noon): FragmentRecord {
    return { kind: 'traits', ...this.common(at), set, unset: [] }
  }

  consent(granted: boolean, at = noon): FragmentRecord {
    return { kind: 'consent', ...this.common(at), purpose: 'personalise', granted }
  }

  outcome(outcome: Outcome, offer: string, placement: string, at = noon): OutcomeRecord {
    const common = this.common(at)
    const treatment = 'banner'
    return { kind: 'outcome', ...common, decision: common.id, outcome, offer, placement, treatment }
  }

  fold(...records: readonly FragmentRecord[]): this {
    for (const record of records) this.foldAt(record.at, record)
    return this
  }

  /** @param timestamp when the log takes it */
  foldAt(timestamp: number, record: FragmentRecord): this {
    const bytes = encode(record)
    const logged = { sequence: ++this.count, index: 0, bytes, start: 0, end: bytes.length }
    evolve(this.fragment, record, { ...logged, timestamp }, this.ground)
    return this
  }

  decide(
    placements: readonly string[],
    now = noon,
    pending: readonly FragmentRecord[] = [],
    trace?: Map<string, Trace>,
    exposures: readonly Exposure[] = [],
  ): Choice[] {
    const { playbook } = this
    const profile = profileOf(this.fragment, playbook.features, pending, now, this.ground)
    const known = placements.flatMap((name) => playbook.placements.get(name) ?? [])
    const request = { placements: known, now, exposures }
    return decide(profile, request, playbook, calendar, trace)
  }

  /** Offers shown at a placement, best first; `fallback` or `consent` where none is. */
  shown(placement: string, now = noon, pending: readonly FragmentRecord[] = []): string[] {
    return this.decide([placement], now, pending).flatMap(({ reason, propositions }) =>
      propositions.map(({ offer }) => offer ?? reason),
    )
  }

  /** The bucket that a placement puts this person into, where it learns. */
  bucketAt(name: string): string | undefined {
    const { playbook } = this
    const placement = playbook.placements.get(name)
    const profile = profileOf(this.fragment, playbook.features, [], noon, this.ground)
    const evaluation = new Evaluation(profile, playbook, calendar, noon)
    if (placement) evaluation.at(placement, [])
    return placement?.learning?.bucketOf(evaluation)
  }

  explain(placements: readonly string[], now = noon): Explanation[] {
    const traces = new Map<string, Trace>()
    const choices = this.decide(placements, now, [], traces)
    const explained: Explained = {
      playbook: this.playbook,
      traces,
      members: [],
      answer: {
        kind: 'decision',
        decision: 'd',
        playbook: 7,
        freshness: 'fresh',
        position: [0, 0, 0],
        placements: choices.map(({ placement, reason, propositions }) => ({
          placement: placement.name,
          reason,
          propositions,
        })),
      },
    }
    return explanationsOf(explained)
  }

  private common(at: number): { id: string; key: Identifier; at: number } {
    return { id: `r${++this.count}`, key: this.key, at }
  }
}

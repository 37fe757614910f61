import {
  type DecideAnswer,
  type DecideQuestion,
  type FragmentId,
  identifierIn,
  type Namespaces,
  type SegmentRecord,
  type TriggeredDecision,
  ulid,
} from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import { Gathering } from '../../core/profile/gathering.ts'
import { isSomebody, membersOfRoot } from '../../core/segment/root-profile.ts'
import { type SegmentChange, segmentChanges } from '../../core/segment/segment-changes.ts'
import { isRoot } from '../../core/segment/take-segment.ts'
import type { BranchReader } from '../decisions/branch-reader.ts'
import { after, type Maybe } from '../decisions/maybe.ts'
import type { Found, Profiler } from '../decisions/profiler.ts'
import type { Calendar, Clock, Random } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'

/** What a primary writes of a root whose segments changed. */
export type Finding = Omit<SegmentRecord, 'kind' | 'epoch'>

/** Decisions that one record carries: with the largest contents half of an entry. */
const decisionsMax = 8

/** A decision that nobody waits for takes as long as one that somebody does. */
const deadlineMs = 400

export interface OnlookerDependencies {
  readonly clock: Pick<Clock, 'now'>
  readonly calendar: Calendar
  readonly random: Random
  readonly namespaces: () => Namespaces
  readonly reader: Pick<BranchReader, 'exactly'>
  readonly profiler: Pick<Profiler, 'profileOf'>
  readonly decideFor: (question: DecideQuestion, found: Found) => Maybe<DecideAnswer>
  /** What a shard decides by; undefined without a playbook. */
  readonly playbookOf: (
    shard: Shard,
  ) => { readonly version: number; readonly playbook: Playbook } | undefined
}

/** Looks which segments a profile is in, as a decide without a request would. */
export class Onlooker {
  private readonly uses: OnlookerDependencies

  constructor(uses: OnlookerDependencies) {
    this.uses = uses
  }

  /** What changed for this fragment; nothing where it is no root. */
  look(shard: Shard, id: FragmentId): Maybe<readonly Finding[]> {
    const active = this.uses.playbookOf(shard)
    const fragment = shard.read(id)
    if (active === undefined || fragment === undefined || !isRoot(fragment)) return none
    const { playbook } = active
    if (playbook.segments.length === 0 && fragment.segments === null) return none
    const seen = shard.state.applied
    const branch = this.uses.reader.exactly(shard, id)
    const members = membersOfRoot(branch)
    if (members === undefined) return none
    const gathering = new Gathering(this.uses.namespaces())
    gathering.addBranch(branch)
    const visit = { gathering, isFresh: true }
    const isKnown = isSomebody(branch, members)
    const stop = { branch, shard }
    return after(this.uses.profiler.profileOf(visit, stop, members, playbook.features), (found) => {
      const { clock, calendar } = this.uses
      const at = clock.now()
      // While branches were fetched, the fold may have gone on.
      const before = shard.read(id)?.segments ?? null
      const profile = isKnown ? found.profile : undefined
      const changes = segmentChanges(before, profile, playbook, calendar, at)
      if (changes.length === 0) return none
      const common = { id, at, seen, playbook: active.version }
      return this.findings(changes, common, found)
    })
  }

  private findings(
    changes: readonly SegmentChange[],
    common: Pick<Finding, 'id' | 'at' | 'seen' | 'playbook'>,
    found: Found,
  ): Maybe<readonly Finding[]> {
    const findings = changes.map((change) =>
      after(this.triggered(change, common, found), (decisions) => {
        const { name: segment, isIn } = change
        return { ...common, segment, isIn, decisions }
      }),
    )
    return findings.every(isThere) ? findings : Promise.all(findings)
  }

  /** What is decided for whoever enters. Default content is nothing to send. */
  private triggered(
    { isIn, segment }: SegmentChange,
    { id, at }: Pick<Finding, 'id' | 'at'>,
    found: Found,
  ): Maybe<readonly TriggeredDecision[]> {
    const triggers = segment?.triggers ?? []
    if (!isIn || triggers.length === 0) return none
    const { random, decideFor } = this.uses
    const decision = ulid(at, (bytes) => random.bytes(bytes.length))
    const question: DecideQuestion = {
      kind: 'decide',
      decision,
      identifiers: [identifierIn(id)],
      placements: triggers.map(({ name }) => name),
      deadline: deadlineMs,
      positions: [],
      pending: [],
    }
    return after(decideFor(question, found), ({ placements }) => {
      const decisions: TriggeredDecision[] = []
      for (const answer of placements) {
        if ('error' in answer) continue
        for (const { offer, treatment, token, content } of answer.propositions) {
          if (offer === undefined || treatment === undefined || token === undefined) continue
          const { placement } = answer
          const shown = JSON.stringify(content)
          decisions.push({ decision, placement, offer, treatment, content: shown, token })
        }
      }
      return decisions.slice(0, decisionsMax)
    })
  }
}

const none: readonly never[] = []

function isThere<T>(one: Maybe<T>): one is T {
  return !(one instanceof Promise)
}

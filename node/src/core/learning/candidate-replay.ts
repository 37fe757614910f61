import type { Calendar } from '../decision/calendar.ts'
import type { Exposure } from '../decision/decide.ts'
import {
  headOf,
  type LoggedChoice,
  type LoggedDecision,
  readDecision,
} from '../decision/logged-decision.ts'
import type { Placement, Playbook } from '../decision/playbook.ts'
import type { Said } from '../fragment/said.ts'
import {
  type Asked,
  areOfSameArms,
  areSame,
  armOf,
  asLogged,
  choiceOf,
} from './candidate-choice.ts'
import { type MappedProfile, type PastTimelines, ProfileMapping } from './candidate-profile.ts'
import { CandidateRows, type RowParts } from './candidate-rows.ts'
import { hash53 } from './hash-53.ts'
import type { JoinedOutcome } from './joined.ts'
import { RatesSeen } from './rates-seen.ts'
import { countIn, type DropReason, emptyTally, type ReplayTally } from './replay-tally.ts'

/** What is hoped for. */
export interface WantedReward {
  readonly outcome: Said
  /** From the decision on. */
  readonly withinMs: number
}

export interface ReplayedParts {
  readonly tally: ReplayTally
  readonly rows: readonly RowParts[]
}

/** The playbook that a decision was made by. */
export interface Decider {
  readonly playbook: Playbook
  /** Placements of which the candidate says the very same: there both choose alike. */
  readonly unchanged: ReadonlySet<string>
}

interface Replayed {
  readonly candidate: Playbook
  readonly calendar: Calendar
  readonly reward: WantedReward
  /** Undefined: all that both have. */
  readonly placement: string | undefined
}

/** Lets a candidate playbook decide again what was decided and logged. */
export class CandidateReplay {
  private readonly uses: Replayed
  private readonly rows = new Map<string, CandidateRows>()
  private readonly mappings = new Map<Playbook, ProfileMapping>()
  private readonly seen = new RatesSeen()
  private tally = emptyTally()

  constructor(uses: Replayed) {
    this.uses = uses
  }

  /** The version of the playbook that an entry was decided by; undefined where it cannot be read. */
  static read(entry: Uint8Array): LoggedDecision | undefined {
    try {
      return headOf(entry) && readDecision(entry)
    } catch {
      return undefined
    }
  }

  /**
   * @param logged what `read` gave of its entry
   * @param decider undefined where nobody has the playbook that decided
   * @param pasts of its members, where timelines were asked for
   * @param stocked the candidate with the items of that time; undefined where they are not known
   */
  add(
    logged: LoggedDecision | undefined,
    outcomes: readonly JoinedOutcome[],
    decider: Decider | undefined,
    pasts?: PastTimelines,
    stocked?: Playbook,
  ): void {
    this.tally.decisions++
    const mapped = this.profileOf(logged, decider?.playbook, pasts)
    if (logged === undefined || mapped === undefined) return
    const person = hash53(logged.key)
    logged.choices.forEach((choice, place) => {
      const isUnchanged = decider?.unchanged.has(choice.placement) ?? false
      const found = this.placementOf(choice, isUnchanged, stocked)
      if (found === undefined) return
      const candidate = stocked ?? this.uses.candidate
      const asked = this.asked(logged, place, found, decider?.playbook)
      const [before, ...othersBefore] = choice.propositions
      if (isUnchanged) asked.note()
      const chosen = isUnchanged
        ? asLogged(choice)
        : choiceOf(mapped.profile, asked, candidate, this.uses.calendar)
      const [after, ...othersAfter] = chosen.shown
      this.rowsAt(choice.placement).add({
        person,
        before: armOf(before),
        after: armOf(after),
        othersBefore: othersBefore.map(armOf),
        othersAfter: othersAfter.map(armOf),
        isSame: areSame(choice.propositions, chosen.shown),
        isSameButItems: areOfSameArms(choice.propositions, chosen.shown),
        bucket: chosen.bucket,
        reward: this.rewardOf(logged, choice, outcomes),
        oneOf: logged.oneOf,
        propensity: before?.probability ?? 1,
        probability: chosen.probability,
        drawn: armOf(chosen.drawn),
      })
    })
  }

  /** What the candidate is asked instead of what was asked then. */
  private asked(
    logged: LoggedDecision,
    place: number,
    placement: Placement,
    decider: Playbook | undefined,
  ): Asked {
    const { decision, at, exposures, isPrimary, refused, choices } = logged
    const choice = choices[place]
    const decidedAt = decider?.placements.get(placement.name)
    const shown = shownBefore(logged, place)
    return {
      placement,
      request: {
        now: at,
        exposures: [...exposures, ...shown],
        taken: shown.map(({ offer }) => offer),
        isPrimary,
        refused,
        seed: decision,
      },
      before: choice?.propositions[0],
      model: this.seen.model,
      note: () => {
        if (choice && decidedAt) this.seen.note(decision, choice, decidedAt)
      },
    }
  }

  /** What was read since the last time. */
  take(): ReplayedParts {
    const rows = Array.from(this.rows.values(), (one) => one.parts())
    const { tally } = this
    const missing = new Set([...this.mappings.values()].flatMap((one) => one.missing))
    this.rows.clear()
    this.tally = emptyTally()
    return { tally: { ...tally, missing: [...missing] }, rows }
  }

  /** The person as the candidate sees them; undefined, and counted, where too little was logged. */
  private profileOf(
    logged: LoggedDecision | undefined,
    playbook: Playbook | undefined,
    pasts: PastTimelines | undefined,
  ): MappedProfile | undefined {
    if (logged === undefined) {
      this.drop('unreadable')
      return undefined
    }
    this.note(logged)
    if (logged.stored === undefined) {
      this.drop('without its profile')
      return undefined
    }
    const mapped = playbook && this.mappingOf(playbook).of(logged.stored, pasts)
    if (mapped === undefined) this.drop('of a playbook that is gone')
    else {
      if (mapped.isWhole) this.tally.whole++
      else this.tally.partial++
      if (pasts !== undefined) this.tally.rebuilt++
    }
    return mapped
  }

  private placementOf(
    choice: LoggedChoice,
    isUnchanged: boolean,
    stocked: Playbook | undefined,
  ): Placement | undefined {
    const { candidate, placement } = this.uses
    if (placement !== undefined && choice.placement !== placement) return undefined
    const found = (stocked ?? candidate).placements.get(choice.placement)
    if (found === undefined) {
      this.drop('at a placement that the candidate has not')
      return undefined
    }
    if (found.templates.length > 0 && stocked === undefined && !isUnchanged) {
      this.drop('at a placement whose items of a catalogue are not known')
      return undefined
    }
    if (choice.wouldHave.length > 0) {
      this.drop('held out by an experiment')
      return undefined
    }
    return found
  }

  private rewardOf(
    { at }: LoggedDecision,
    { placement, propositions }: LoggedChoice,
    outcomes: readonly JoinedOutcome[],
  ): number {
    const { outcome, withinMs } = this.uses.reward
    const [first] = propositions
    const isEarned = outcomes.some(
      (one) =>
        one.outcome === outcome &&
        one.placement === placement &&
        one.offer === first?.offer &&
        one.at - at <= withinMs,
    )
    return isEarned ? 1 : 0
  }

  private rowsAt(placement: string): CandidateRows {
    let rows = this.rows.get(placement)
    if (rows === undefined) {
      rows = new CandidateRows(placement)
      this.rows.set(placement, rows)
    }
    return rows
  }

  private mappingOf(playbook: Playbook): ProfileMapping {
    let mapping = this.mappings.get(playbook)
    if (mapping === undefined) {
      mapping = new ProfileMapping(playbook, this.uses.candidate)
      this.mappings.set(playbook, mapping)
    }
    return mapping
  }

  private note({ at, playbookVersion, oneOf, model }: LoggedDecision): void {
    const { tally } = this
    tally.from = tally.from === 0 ? at : Math.min(tally.from, at)
    tally.to = Math.max(tally.to, at)
    countIn(tally.playbooks, playbookVersion)
    countIn(tally.models, model)
    countIn(tally.sampled, oneOf)
  }

  private drop(reason: DropReason): void {
    const { dropped } = this.tally
    dropped[reason] = (dropped[reason] ?? 0) + 1
  }
}

/** What the answer shows before a placement. */
function shownBefore({ choices }: LoggedDecision, place: number): Exposure[] {
  return choices
    .slice(0, place)
    .flatMap(({ placement, propositions }) =>
      propositions.map(({ offer }) => ({ placement, offer })),
    )
}

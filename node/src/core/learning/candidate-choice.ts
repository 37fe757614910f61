import type { Calendar } from '../decision/calendar.ts'
import { type DecideRequest, decide, type Profile } from '../decision/decide.ts'
import { distribution, drawingAt, type Likely, likelyIn } from '../decision/distribution.ts'
import type { LoggedChoice } from '../decision/logged-decision.ts'
import type { Placement, Playbook } from '../decision/playbook.ts'
import { templateOf } from '../features/feature-set.ts'
import { defaultArm } from './candidate-rows.ts'
import { hash53 } from './hash-53.ts'
import type { Model } from './model.ts'
import { readTrial } from './trial.ts'

/** What is shown: one offer in one form; undefined is default content. */
export interface Shown {
  readonly offer: string
  readonly treatment: string
}

/** What a playbook shows at one placement. */
export interface CandidateChoice {
  /** Given the same luck, and in the arms of its experiments; in order. */
  readonly shown: readonly Shown[]
  /**
   * What is shown first, drawn once more, by luck of its own, and whatever experiments run; of a
   * placement that is as it was, what was shown.
   */
  readonly drawn: Shown | undefined
  /** With what probability its rules show first what was shown first. */
  readonly probability: number
  /** The visitor's bucket at a placement that learns; elsewhere all are one. */
  readonly bucket: string
}

export interface Asked {
  readonly placement: Placement
  readonly request: Omit<DecideRequest, 'placements' | 'model'>
  /** What was shown first. */
  readonly before: Shown | undefined
  /** What is known of rates until this decision: it has no say in how likely it was. */
  readonly model: Model
  /** Lets the model know of this decision: with its seed it draws again what it drew. */
  readonly note: () => void
}

/** What the playbook shows at a placement. */
export function choiceOf(
  profile: Profile,
  asked: Asked,
  playbook: Playbook,
  calendar: Calendar,
): CandidateChoice {
  const { placement, before, note } = asked
  const { learning, experiments } = placement
  if (learning === undefined && experiments.length === 0) {
    note()
    const shown = decided(profile, asked, playbook, calendar)
    const [drawn] = shown
    return { shown, drawn, probability: isSame(drawn, before) ? 1 : 0, bucket: '' }
  }
  const { request, model } = asked
  const drawing =
    learning && drawingAt(profile, placement, { ...request, model }, playbook, calendar)
  const likely =
    learning === undefined
      ? distribution(profile, placement, request, playbook, calendar)
      : likelyIn(drawing)
  const probability = probabilityOf(likely, before)
  const drawn = drawnFrom(likely, request.seed ?? '')
  note()
  const shown =
    experiments.length > 0 || placement.count > 1
      ? decided(profile, asked, playbook, calendar)
      : shownBy(drawing?.lottery.next())
  return { shown, drawn, probability, bucket: drawing?.bucket ?? '' }
}

/**
 * What a playbook shows that is the same, at this placement, as the one that decided: what was shown,
 * with the probability that was logged. Whatever is known of the model by now, and whatever
 * experiments run, it had the same then.
 */
export function asLogged({ propositions, trial }: LoggedChoice): CandidateChoice {
  const [first] = propositions
  return {
    shown: propositions,
    drawn: first,
    probability: first?.probability ?? 1,
    bucket: (trial === undefined ? undefined : readTrial(trial)?.bucket) ?? '',
  }
}

function decided(
  profile: Profile,
  { placement, request, model }: Asked,
  playbook: Playbook,
  calendar: Calendar,
): Shown[] {
  const [choice] = decide(
    profile,
    { ...request, placements: [placement], model },
    playbook,
    calendar,
  )
  return (choice?.propositions ?? []).flatMap(({ offer, treatment = '' }) =>
    offer === undefined ? [] : [{ offer, treatment }],
  )
}

function shownBy(
  candidate: { readonly offer: { readonly name: string }; readonly treatment: string } | undefined,
): Shown[] {
  return candidate ? [{ offer: candidate.offer.name, treatment: candidate.treatment }] : []
}

/** Either something is shown with certainty, or default content is. */
function probabilityOf(likely: readonly Likely[], shown: Shown | undefined): number {
  if (shown === undefined) return likely.length === 0 ? 1 : 0
  return likely.find((one) => isSame(one, shown))?.probability ?? 0
}

/** The seed drew already what was shown, so another text draws here. */
function drawnFrom(likely: readonly Likely[], seed: string): Shown | undefined {
  let rest = hash53(`drawn again ${seed}`) / 2 ** 53
  for (const one of likely) {
    rest -= one.probability
    if (rest < 0) return one
  }
  return likely[likely.length - 1]
}

/** Items of a template are one arm. */
export function armOf(shown: Shown | undefined): string {
  if (shown === undefined) return defaultArm
  const { offer, treatment } = shown
  return `${templateOf(offer) ?? offer} ${treatment}`
}

export function isSame(one: Shown | undefined, other: Shown | undefined): boolean {
  return one?.offer === other?.offer && one?.treatment === other?.treatment
}

/** Whether the same is shown, in the same order. */
export function areSame(one: readonly Shown[], other: readonly Shown[]): boolean {
  return one.length === other.length && one.every((shown, slot) => isSame(shown, other[slot]))
}

/** As `areSame`, whatever items the offers are made of. */
export function areOfSameArms(one: readonly Shown[], other: readonly Shown[]): boolean {
  return (
    one.length === other.length && one.every((shown, slot) => armOf(shown) === armOf(other[slot]))
  )
}

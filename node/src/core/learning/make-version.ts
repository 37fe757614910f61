import { type ArmPosterior, isBelief } from './belief.ts'
import { drawsOf } from './draws.ts'
import type { LearnedPlacement } from './learned-placement.ts'
import type { Arm } from './model.ts'
import type {
  ArmVersion,
  Drawn,
  LessonVersion,
  ModelOrigin,
  ModelVersion,
  NamedDrawn,
  PlacementVersion,
} from './model-version.ts'
import { type Believed, LessonPosteriors } from './posterior.ts'
import type { SummedCell } from './summed-statistics.ts'
import { type PlanInput, planOf, type VersionPlan } from './version-plan.ts'

export interface VersionInput extends PlanInput {
  readonly made: ModelOrigin
  /** By lesson, as `summed` gives them. */
  readonly sums: ReadonlyMap<string, readonly SummedCell[]>
}

/** Yields between pieces of work that take microseconds, so that it can be made beside other work. */
export function* makeVersion(input: VersionInput): Generator<void, ModelVersion> {
  const { made, placements } = input
  const lessons = lessonsOf(placements)
  const posteriors = new Map<string, LessonPosteriors>()
  for (const lesson of lessons) {
    const ofLesson = new LessonPosteriors(placements.filter((one) => lessonOf(one) === lesson))
    for (const cell of input.sums.get(lesson) ?? []) {
      ofLesson.count(cell)
      yield
    }
    posteriors.set(lesson, ofLesson)
  }
  const plan = planOf(input, posteriors)
  const lessonVersions: LessonVersion[] = []
  for (const [lesson, ofLesson] of posteriors)
    lessonVersions.push(yield* lessonVersion(lesson, ofLesson, plan))
  const placementVersions: PlacementVersion[] = []
  for (const placement of placements) {
    const ofLesson = posteriors.get(lessonOf(placement))
    if (ofLesson === undefined) continue
    const trained = input.trained.get(placement.name) ?? []
    placementVersions.push(yield* placementVersion(placement, ofLesson, trained, plan))
  }
  return { made, lessons: lessonVersions, placements: placementVersions }
}

function lessonOf({ learning }: LearnedPlacement): string {
  return learning.lesson
}

function lessonsOf(placements: readonly LearnedPlacement[]): readonly string[] {
  return [...new Set(placements.map(lessonOf))].sort()
}

function* lessonVersion(
  lesson: string,
  posteriors: LessonPosteriors,
  plan: VersionPlan,
): Generator<void, LessonVersion> {
  const anything = yield* drawn(posteriors.ofAnything(), [lesson])
  const groups: NamedDrawn[] = []
  for (const name of plan.groups.get(lesson) ?? []) {
    const of = [lesson, 'group', name]
    groups.push({ name, drawn: yield* drawn(posteriors.ofGroup(name), of) })
  }
  const offers: NamedDrawn[] = []
  for (const name of plan.offers.get(lesson) ?? []) {
    const of = [lesson, 'offer', name]
    offers.push({ name, drawn: yield* drawn(posteriors.ofOffer(name), of) })
  }
  return { lesson, anything, groups, offers }
}

function* placementVersion(
  { name: placement, learning }: LearnedPlacement,
  posteriors: LessonPosteriors,
  trained: readonly ArmPosterior[],
  plan: VersionPlan,
): Generator<void, PlacementVersion> {
  const { lesson } = learning
  const buckets = plan.buckets.get(placement) ?? []
  const beliefs = new Beliefs(trained)
  const arms: ArmVersion[] = []
  for (const arm of plan.arms.get(placement) ?? []) {
    const { offer, treatment } = arm
    const of = [placement, lesson, offer, treatment]
    const ofArm = beliefs.over(posteriors.ofArm(placement, arm), arm, undefined)
    const anywhere = yield* drawn(ofArm, [...of, null])
    const inBuckets: Drawn[] = []
    for (const bucket of buckets) {
      const ofCell = posteriors.inBucket(placement, arm, bucket)
      inBuckets.push(yield* drawn(beliefs.over(ofCell, arm, bucket), [...of, bucket]))
    }
    arms.push({ ...arm, anywhere, inBuckets })
  }
  const trainer = beliefs.isUsed ? learning.trainer : 'bandit'
  return { placement, lesson, trainer, buckets, arms }
}

/** What a trainer believes of the arms of a placement. */
class Beliefs {
  isUsed = false
  private readonly known = new Map<string, ArmPosterior>()

  constructor(trained: readonly ArmPosterior[]) {
    for (const one of trained)
      if (isBelief(one.belief)) this.known.set(beliefKey(one, one.bucket), one)
  }

  /** The trainer's belief in place of the bandit's, where it has one. */
  over(believed: Believed, arm: Pick<Arm, 'offer' | 'treatment'>, bucket?: string): Believed {
    const trained = this.known.get(beliefKey(arm, bucket))
    if (trained === undefined) return believed
    this.isUsed = true
    return { ...believed, belief: trained.belief }
  }
}

/** No name contains a line's end. */
function beliefKey(
  { offer, treatment }: Pick<Arm, 'offer' | 'treatment'>,
  bucket: string | undefined,
): string {
  return `${offer}\n${treatment}${bucket === undefined ? '' : `\n${bucket}`}`
}

function* drawn(believed: Believed, of: readonly (string | null)[]): Generator<void, Drawn> {
  yield
  const { belief, trials, rewards } = believed
  return { belief, trials: shown(trials), rewards: shown(rewards), draws: drawsOf(belief, of) }
}

/** For people to read: to five digits, so that no version differs by less. */
function shown(count: number): number {
  return Number(count.toPrecision(5))
}

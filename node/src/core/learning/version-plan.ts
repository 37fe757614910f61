import type { ArmPosterior } from './belief.ts'
import type { LearnedPlacement } from './learned-placement.ts'
import type { Arm } from './model.ts'
import type { LessonPosteriors } from './posterior.ts'

/**
 * Beliefs with draws in a version: what every node holds in memory, and what fits a message with room
 * for names. What there is no room for falls to its parents, the lightest first: offers that were
 * tried elsewhere, then buckets, then arms.
 */
export const cellsMax = 2_048

/** What a version has draws of. */
export interface VersionPlan {
  /** By lesson. */
  readonly groups: ReadonlyMap<string, readonly string[]>
  /** By lesson. */
  readonly offers: ReadonlyMap<string, readonly string[]>
  /** By placement. */
  readonly arms: ReadonlyMap<string, readonly Arm[]>
  /** By placement; each of its arms has all of them. */
  readonly buckets: ReadonlyMap<string, readonly string[]>
}

export interface PlanInput {
  /** What learns, in the order of names. */
  readonly placements: readonly LearnedPlacement[]
  /** What trainers other than the bandit believe, by placement. */
  readonly trained: ReadonlyMap<string, readonly ArmPosterior[]>
  /** Beliefs at most: `cellsMax`, or less where names are so long that they did not fit. */
  readonly cells: number
}

/** First everything's parents have room, then what is heaviest. */
export function planOf(
  input: PlanInput,
  posteriors: ReadonlyMap<string, LessonPosteriors>,
): VersionPlan {
  // Each lesson has its beliefs of anything.
  const room = new Room(input.cells - posteriors.size)
  const groups = room.of(groupsOf(posteriors), one)
  const arms = room.of(armsOf(input, posteriors), one)
  const armsIn = ({ in: placement }: Weighed<string>) => arms.get(placement)?.length ?? 0
  const buckets = room.of(bucketsOf(input, posteriors), armsIn)
  const offers = room.of(offersOf(posteriors), one)
  return { groups, arms, buckets, offers }
}

/** Something of a placement or a lesson. */
interface Weighed<T> {
  readonly in: string
  readonly of: T
  readonly weight: number
}

const one = () => 1

class Room {
  private left: number

  constructor(left: number) {
    this.left = left
  }

  /** The heaviest, as many as there is room for; those of equal weight in their order. */
  of<T>(
    all: readonly Weighed<T>[],
    costOf: (one: Weighed<T>) => number,
  ): ReadonlyMap<string, readonly T[]> {
    const taken = new Map<string, T[]>()
    for (const one of all.toSorted((one, other) => other.weight - one.weight)) {
      const cost = costOf(one)
      if (cost > this.left) break
      this.left -= cost
      const others = taken.get(one.in)
      if (others === undefined) taken.set(one.in, [one.of])
      else others.push(one.of)
    }
    return taken
  }
}

function groupsOf(posteriors: ReadonlyMap<string, LessonPosteriors>): readonly Weighed<string>[] {
  return [...posteriors].flatMap(([lesson, { groups }]) =>
    [...groups].sort().map((of) => ({ in: lesson, of, weight: 0 })),
  )
}

function armsOf(
  { placements }: PlanInput,
  posteriors: ReadonlyMap<string, LessonPosteriors>,
): readonly Weighed<Arm>[] {
  return placements.flatMap(({ name, learning, arms }) =>
    arms.map((of) => {
      const weight = posteriors.get(learning.lesson)?.ofArm(name, of).trials ?? 0
      return { in: name, of, weight }
    }),
  )
}

function bucketsOf(
  { placements, trained }: PlanInput,
  posteriors: ReadonlyMap<string, LessonPosteriors>,
): readonly Weighed<string>[] {
  return placements.flatMap(({ name, learning }) => {
    const known = new Map(posteriors.get(learning.lesson)?.bucketsOf(name))
    for (const { bucket } of trained.get(name) ?? [])
      if (bucket !== undefined && !known.has(bucket)) known.set(bucket, 0)
    // One bucket for all is the arm anywhere.
    if (known.size === 1 && known.has('')) return []
    return [...known].sort(byName).map(([of, weight]) => ({ in: name, of, weight }))
  })
}

function offersOf(posteriors: ReadonlyMap<string, LessonPosteriors>): readonly Weighed<string>[] {
  return [...posteriors].flatMap(([lesson, { offers }]) =>
    [...offers].sort(byName).map(([of, { trials }]) => ({ in: lesson, of, weight: trials })),
  )
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}

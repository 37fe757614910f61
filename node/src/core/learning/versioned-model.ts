import { encode } from '@halfsecond/protocol'
import { hash64Hex } from '../digest.ts'
import { meanOf } from './belief.ts'
import { type Arm, type ArmDraws, drawsPerArm, type Model, type PlacementModel } from './model.ts'
import type {
  ArmVersion,
  Drawn,
  LessonVersion,
  ModelVersion,
  NamedDrawn,
  PlacementVersion,
} from './model-version.ts'

/** Decides by a version. */
export class VersionedModel implements Model {
  readonly version: number
  private readonly placements = new Map<string, LearntPlacement>()

  constructor(version: number, { lessons, placements }: ModelVersion) {
    this.version = version
    const kin = new Map(lessons.map((one) => [one.lesson, new Kin(one)]))
    for (const one of placements) {
      const ofLesson = kin.get(one.lesson)
      if (ofLesson) this.placements.set(one.placement, new LearntPlacement(one, ofLesson))
    }
  }

  of(placement: string, lesson: string): PlacementModel | undefined {
    const known = this.placements.get(placement)
    return known?.lesson === lesson ? known : undefined
  }
}

/** Arms that are not known and whose draws are kept: they come with a new playbook, for seconds. */
const strangersMax = 1_024

type ByArm<T> = Map<string, Map<string, T>>

class LearntPlacement implements PlacementModel {
  readonly lesson: string
  private readonly kin: Kin
  private readonly arms: ByArm<LearntArm> = new Map()
  private readonly strangers: ByArm<ArmDraws> = new Map()
  private strangersCount = 0

  constructor({ lesson, arms, buckets }: PlacementVersion, kin: Kin) {
    this.lesson = lesson
    this.kin = kin
    for (const arm of arms) put(this.arms, arm, learntArm(arm, buckets))
  }

  drawsOf(arm: Arm, bucket: string): ArmDraws {
    const known = this.arms.get(arm.offer)?.get(arm.treatment)
    if (known !== undefined) return known.inBuckets.get(bucket) ?? known.anywhere
    return this.strangers.get(arm.offer)?.get(arm.treatment) ?? this.meet(arm)
  }

  /** Arms of equal kin would tie in each draw: each has its own turn of them. */
  private meet(arm: Arm): ArmDraws {
    const { rates, mean } = this.kin.of(arm)
    const by = Number.parseInt(hash64Hex(encode([arm.offer, arm.treatment])).slice(0, 8), 16)
    const turned = rates.map((_, i) => rates[(i + by) % drawsPerArm] ?? mean)
    const draws = { rates: turned, mean }
    if (this.strangersCount < strangersMax) {
      put(this.strangers, arm, draws)
      this.strangersCount++
    }
    return draws
  }
}

interface LearntArm {
  readonly anywhere: ArmDraws
  readonly inBuckets: ReadonlyMap<string, ArmDraws>
}

function learntArm({ anywhere, inBuckets }: ArmVersion, buckets: readonly string[]): LearntArm {
  const known = new Map<string, ArmDraws>()
  inBuckets.forEach((drawn, i) => {
    const bucket = buckets[i]
    if (bucket !== undefined) known.set(bucket, armDraws(drawn))
  })
  return { anywhere: armDraws(anywhere), inBuckets: known }
}

/** What an arm that nobody knows resembles. */
class Kin {
  private readonly anything: ArmDraws
  private readonly groups: ReadonlyMap<string, ArmDraws>
  private readonly offers: ReadonlyMap<string, ArmDraws>

  constructor({ anything, groups, offers }: LessonVersion) {
    this.anything = armDraws(anything)
    this.groups = byName(groups)
    this.offers = byName(offers)
  }

  of({ offer, group }: Arm): ArmDraws {
    const ofGroup = group === undefined ? undefined : this.groups.get(group)
    return this.offers.get(offer) ?? ofGroup ?? this.anything
  }
}

function byName(all: readonly NamedDrawn[]): ReadonlyMap<string, ArmDraws> {
  return new Map(all.map(({ name, drawn }) => [name, armDraws(drawn)]))
}

function armDraws({ draws, belief }: Drawn): ArmDraws {
  return { rates: draws, mean: meanOf(belief) }
}

function put<T>(all: ByArm<T>, { offer, treatment }: Arm, one: T): void {
  let forms = all.get(offer)
  if (forms === undefined) {
    forms = new Map()
    all.set(offer, forms)
  }
  forms.set(treatment, one)
}

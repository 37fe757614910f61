import { decodeTrusted, encode } from '@halfsecond/protocol'
import { AssertionError, assert } from '../assert.ts'
import { type Belief, isBelief } from './belief.ts'
import { floatBytes, floatsIn } from './float-bytes.ts'
import { drawsPerArm } from './model.ts'
import type {
  ArmVersion,
  Drawn,
  LessonVersion,
  ModelVersion,
  NamedDrawn,
  PlacementVersion,
} from './model-version.ts'

/*
 * A version as it is published, MessagePack:
 *
 *   [format, at, [sequence, …], body]
 *
 * with what does not change while nothing was learnt in the body, MessagePack again:
 *
 *   [playbook, [[lesson, [group, …], [offer, …]], …],
 *    [[placement, lesson, trainer, [bucket, …], [[offer, treatment, group or nil], …]], …],
 *    numbers, draws]
 *
 * `numbers` has four f64 for each belief (alpha and beta, or of log-odds the mean and the opposite of
 * the deviation less 1, which no beta is; trials; rewards) and `draws` has 64 f32, all little-endian, in the order in which a
 * reader meets them: of a lesson anything, groups, offers; of an arm anywhere, buckets.
 */
const format = 1

/**
 * A message of NATS takes a megabyte. A version of the most beliefs with names of usual length is two
 * thirds of this; with longer names it is made again with fewer beliefs.
 */
export const versionBytesMax = 900 * 1024

const numbersEach = 4

export function encodeVersion({ made, ...learnt }: ModelVersion): Uint8Array {
  return encode([format, made.at, made.positions, bodyOf(made.playbook, learnt)])
}

/** @throws AssertionError for bytes of another format, or that are no version */
export function decodeVersion(bytes: Uint8Array): ModelVersion {
  const { at, positions, body } = outerOf(bytes)
  const inner: unknown = decoded(body)
  assert(Array.isArray(inner), 'the body of a model version')
  const [playbook, lessons, placements, numbers, draws]: unknown[] = inner
  assert(
    typeof playbook === 'number' && numbers instanceof Uint8Array && draws instanceof Uint8Array,
    'the body of a model version',
  )
  const source = new DrawnSource(numbers, draws)
  return {
    made: { at, positions, playbook },
    lessons: listOf(lessons).map((one) => lessonIn(one, source)),
    placements: listOf(placements).map((one) => placementIn(one, source)),
  }
}

/** Whether they say the same, though they may be made at different positions. */
export function isSameContent(one: Uint8Array, other: Uint8Array): boolean {
  const content = outerOf(one).body
  const compared = outerOf(other).body
  if (content.length !== compared.length) return false
  // Half a million bytes: a callback for each would take longer than others may wait.
  for (let i = 0; i < content.length; i++) if (content[i] !== compared[i]) return false
  return true
}

function bodyOf(
  playbook: number,
  { lessons, placements }: Pick<ModelVersion, 'lessons' | 'placements'>,
): Uint8Array {
  const all: Drawn[] = []
  for (const { anything, groups, offers } of lessons)
    all.push(anything, ...groups.map(drawnOf), ...offers.map(drawnOf))
  for (const { arms } of placements)
    for (const { anywhere, inBuckets } of arms) all.push(anywhere, ...inBuckets)
  return encode([
    playbook,
    lessons.map(({ lesson, groups, offers }) => [lesson, groups.map(nameOf), offers.map(nameOf)]),
    placements.map(({ placement, lesson, trainer, buckets, arms }) => {
      const tried = arms.map(({ offer, treatment, group }) => [offer, treatment, group ?? null])
      return [placement, lesson, trainer, buckets, tried]
    }),
    numbersOf(all),
    floatBytes(all.map(({ draws }) => draws)),
  ])
}

function drawnOf({ drawn }: NamedDrawn): Drawn {
  return drawn
}

function nameOf({ name }: NamedDrawn): string {
  return name
}

function numbersOf(all: readonly Drawn[]): Uint8Array {
  const bytes = new Uint8Array(all.length * numbersEach * 8)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { belief, trials, rewards } of all)
    for (const number of [...storedBelief(belief), trials, rewards]) {
      view.setFloat64(at, number, true)
      at += 8
    }
  return bytes
}

function storedBelief(belief: Belief): readonly [number, number] {
  return belief.kind === 'beta' ? [belief.alpha, belief.beta] : [belief.mean, -1 - belief.deviation]
}

interface Outer {
  readonly at: number
  readonly positions: readonly number[]
  readonly body: Uint8Array
}

function outerOf(bytes: Uint8Array): Outer {
  const outer: unknown = decoded(bytes)
  assert(Array.isArray(outer), 'a model version')
  const [read, at, positions, body]: unknown[] = outer
  assert(read === format, 'a model version of a known format')
  assert(
    typeof at === 'number' && isNumbers(positions) && body instanceof Uint8Array,
    'a model version that is whole',
  )
  return { at, positions, body }
}

function decoded(bytes: Uint8Array): unknown {
  try {
    return decodeTrusted(bytes)
  } catch {
    throw new AssertionError('a model version that can be read')
  }
}

function lessonIn(stored: unknown, source: DrawnSource): LessonVersion {
  const [lesson, groups, offers] = listOf(stored)
  const anything = source.next()
  const named = (names: unknown) => textsOf(names).map((name) => ({ name, drawn: source.next() }))
  return { lesson: textOf(lesson), anything, groups: named(groups), offers: named(offers) }
}

function placementIn(stored: unknown, source: DrawnSource): PlacementVersion {
  const [placement, lesson, trainer, bucketNames, tried] = listOf(stored)
  const buckets = textsOf(bucketNames)
  const arms = listOf(tried).map((one): ArmVersion => {
    const [offer, treatment, group] = listOf(one)
    const anywhere = source.next()
    const inBuckets = buckets.map(() => source.next())
    return {
      offer: textOf(offer),
      treatment: textOf(treatment),
      group: group === null ? undefined : textOf(group),
      anywhere,
      inBuckets,
    }
  })
  return {
    placement: textOf(placement),
    lesson: textOf(lesson),
    trainer: textOf(trainer),
    buckets,
    arms,
  }
}

/** Gives beliefs and draws in the order in which they were written. */
class DrawnSource {
  private readonly numbers: DataView
  private readonly draws: Float32Array
  private index = 0

  constructor(numbers: Uint8Array, draws: Uint8Array) {
    this.numbers = new DataView(numbers.buffer, numbers.byteOffset, numbers.length)
    this.draws = floatsIn(draws)
  }

  next(): Drawn {
    const { index } = this
    const start = index * drawsPerArm
    const isThere =
      (index + 1) * numbersEach * 8 <= this.numbers.byteLength &&
      start + drawsPerArm <= this.draws.length
    assert(isThere, 'a model version with all its draws')
    this.index++
    const number = (i: number) => this.numbers.getFloat64((index * numbersEach + i) * 8, true)
    const belief = beliefOf(number(0), number(1))
    const draws = this.draws.subarray(start, start + drawsPerArm)
    const isRate = draws.every((rate) => rate >= 0 && rate <= 1)
    assert(isBelief(belief) && isRate, 'a model version of rates')
    return { belief, trials: number(2), rewards: number(3), draws }
  }
}

function beliefOf(one: number, other: number): Belief {
  if (other <= -1) return { kind: 'logit', mean: one, deviation: -1 - other }
  return { kind: 'beta', alpha: one, beta: other }
}

function listOf(value: unknown): readonly unknown[] {
  assert(Array.isArray(value), 'a list in a model version')
  return value
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map(textOf)
}

function textOf(value: unknown): string {
  assert(typeof value === 'string', 'a name in a model version')
  return value
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'number')
}

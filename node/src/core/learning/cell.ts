import { decodeTrusted, encode } from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import { remaining } from './remaining.ts'
import { lessonText, readTrial } from './trial.ts'

/*
 * What is counted of one arm, in one bucket of visitors. Everything is dated by when its decision was
 * made, in slots of time: outcomes of a decision count in the same slot whenever they come, so that
 * the sums do not depend on how late that is.
 *
 * S1 in every slot, and in what is settled, there are never more rewards than trials: a reward whose
 *    trial was not counted is not counted either. But where being given something is the trial, that
 *    may be counted in another shard; then it holds for the sum of all shards.
 * S2 a cell is a function of what was counted and of the shard's logical times then, nothing else.
 */

/** What a cell counts. */
export interface CellOf {
  /** As `lessonText` gives it. */
  readonly lesson: string
  readonly placement: string
  /** The offer, or the template that it is made by. */
  readonly offer: string
  readonly treatment: string
  readonly bucket: string
}

export interface Cell {
  readonly of: CellOf
  readonly withinMs: number
  readonly halfLifeMs: number
  /** Whether trials may be counted in another shard than their rewards. */
  readonly isApart: boolean
  /** What is old enough that its rewards have come. */
  readonly settled: Pair
  /** What is younger, the oldest first. */
  readonly pending: readonly Slot[]
}

/** Counts that halve with each half-life, as they are at a time. */
export interface Pair {
  readonly at: number
  readonly trials: number
  readonly rewards: number
}

/** Counts of the decisions that were made from `at` on, for `slotMs`. */
export type Slot = Pair

const nothing: Pair = { at: 0, trials: 0, rewards: 0 }

/** Slots of a reward's time: what is told is at most so much older than it would have to be. */
const slotsWithin = 4

/** A shard's time moves once a second: finer slots would tell nothing. */
const slotMinMs = 1_000

/**
 * Slots that wait in a cell: those within a reward's time, the one that begins, and some for a shard's
 * time that stands still. What comes on top settles the oldest early; its rewards still count.
 */
const pendingMax = 8

export function initialCell(of: CellOf): Cell {
  const trial = readTrial(`${of.lesson} `)
  assert(trial !== undefined && lessonText(trial) === of.lesson, 'a cell counts a lesson')
  const { withinMs, halfLifeMs, isLater = false } = trial
  return { of, withinMs, halfLifeMs, isApart: isLater, settled: nothing, pending: [] }
}

/**
 * The cell with one more trial, one more reward, or both; the same one where nothing counts.
 * @param decidedAt when the decision was made
 * @param now the shard's logical time
 */
export function counted(
  cell: Cell,
  decidedAt: number,
  { isTrial, isReward }: { readonly isTrial: boolean; readonly isReward: boolean },
  now: number,
): Cell {
  const ms = slotMsOf(cell)
  const at = Math.floor(decidedAt / ms) * ms
  const one = { at, trials: isTrial ? 1 : 0, rewards: isReward ? 1 : 0 }
  const { pending, settled } = settle(cell, now)
  if (at <= settled.at || isDue(at, cell, now)) {
    const more = plus(settled, one, cell)
    return isSame(more, settled) ? cell : { ...cell, pending, settled: more }
  }
  const i = pending.findIndex((slot) => slot.at >= at)
  const place = i < 0 ? pending.length : i
  const before = pending[place]
  const known = before?.at === at ? before : { at, trials: 0, rewards: 0 }
  const after = sumOf(known, one, cell)
  if (isSame(after, known)) return cell
  const slots = pending.toSpliced(place, known === before ? 1 : 0, after)
  const [oldest] = slots
  if (slots.length <= pendingMax || oldest === undefined)
    return { ...cell, pending: slots, settled }
  return { ...cell, pending: slots.slice(1), settled: plus(settled, oldest, cell) }
}

/** What of a cell is settled at a logical time. */
export function settle(cell: Cell, now: number): Pick<Cell, 'settled' | 'pending'> {
  let { settled } = cell
  let due = 0
  for (const slot of cell.pending) {
    if (!isDue(slot.at, cell, now)) break
    settled = plus(settled, slot, cell)
    due++
  }
  return due === 0 ? cell : { settled, pending: cell.pending.slice(due) }
}

/** Counts as they are at another time: before it was counted something weighs more than one. */
export function movedTo({ at, trials, rewards }: Pair, to: number, halfLifeMs: number): Pair {
  const share =
    to < at ? 1 / remaining(at - to, halfLifeMs) : to > at ? remaining(to - at, halfLifeMs) : 1
  return { at: to, trials: trials * share, rewards: rewards * share }
}

/** Whether all rewards of a slot's decisions have come. */
function isDue(at: number, cell: Cell, now: number): boolean {
  return at + slotMsOf(cell) + cell.withinMs <= now
}

function slotMsOf({ withinMs }: Cell): number {
  return Math.max(slotMinMs, Math.ceil(withinMs / slotsWithin))
}

/** Both together, at the later of their times. */
function plus(pair: Pair, slot: Slot, cell: Cell): Pair {
  const { halfLifeMs } = cell
  return slot.at > pair.at
    ? sumOf(movedTo(pair, slot.at, halfLifeMs), slot, cell)
    : sumOf(pair, movedTo(slot, pair.at, halfLifeMs), cell)
}

function sumOf(pair: Pair, more: Pair, { isApart }: Cell): Pair {
  const trials = pair.trials + more.trials
  const rewards = pair.rewards + more.rewards
  return { at: pair.at, trials, rewards: isApart ? rewards : Math.min(trials, rewards) }
}

function isSame(one: Pair, other: Pair): boolean {
  return one.at === other.at && one.trials === other.trials && one.rewards === other.rewards
}

const rowVersion = 1

/** A cell as it is stored, and as it counts in the shard's digest. */
export function encodeCell({ of, settled, pending }: Cell): Uint8Array {
  const { lesson, placement, offer, treatment, bucket } = of
  const values: unknown[] = [rowVersion, lesson, placement, offer, treatment, bucket]
  values.push(settled.at, settled.trials, settled.rewards)
  for (const { at, trials, rewards } of pending) values.push(at, trials, rewards)
  // A copy of its own: what the codec gives is part of a larger piece of memory.
  return new Uint8Array(encode(values))
}

export function decodeCell(row: Uint8Array): Cell {
  const values = decodeTrusted(row)
  assert(Array.isArray(values) && values[0] === rowVersion, 'a cell of this version')
  const [, lesson, placement, offer, treatment, bucket, ...numbers]: unknown[] = values
  assert(
    typeof lesson === 'string' &&
      typeof placement === 'string' &&
      typeof offer === 'string' &&
      typeof treatment === 'string' &&
      typeof bucket === 'string',
    'a cell that is whole',
  )
  const [settled = nothing, ...pending] = pairsOf(numbers)
  return { ...initialCell({ lesson, placement, offer, treatment, bucket }), settled, pending }
}

function pairsOf(numbers: readonly unknown[]): Pair[] {
  const pairs: Pair[] = []
  for (let i = 0; i < numbers.length; i += 3) {
    const [at, trials, rewards] = numbers.slice(i, i + 3)
    assert(
      typeof at === 'number' && typeof trials === 'number' && typeof rewards === 'number',
      'a cell that is whole',
    )
    pairs.push({ at, trials, rewards })
  }
  return pairs
}

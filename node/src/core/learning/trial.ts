import { bounds } from '@halfsecond/protocol'
import { assert } from '../assert.ts'

/*
 * What a token says of learning, so that an outcome teaches without anybody remembering its decision:
 * `outcome within halfLife bucket`, times in milliseconds, like `click 1800000 604800000 gold|web`; with
 * `later ` before it where deciding is the trial, not a display.
 * All but the bucket is the same for a placement, and names what is learnt: its *lesson*.
 */

export const rewards = ['click', 'accept'] as const
export type Reward = (typeof rewards)[number]

/** How a placement learns. */
export interface Lesson {
  /** What is hoped for. */
  readonly reward: Reward
  /** From the decision on; later rewards do not count. */
  readonly withinMs: number
  /** What was learnt counts half after so long. */
  readonly halfLifeMs: number
  /** What is decided is displayed later, and mostly nobody says so: being given it is the trial. */
  readonly isLater?: boolean
}

/** The longest time after a decision that a reward may take: what is younger waits in memory. */
export const withinMaxMs = 30 * 24 * 60 * 60_000

/** What was learnt lasts longer than its counting by full hours, and no longer than a season. */
export const halfLifeMinMs = 60 * 60_000
export const halfLifeMaxMs = 90 * 24 * 60 * 60_000

/** Characters that a bucket's name may have; longer ones are cut. */
export const bucketChars = 96

export function lessonText({ reward, withinMs, halfLifeMs, isLater = false }: Lesson): string {
  return `${isLater ? 'later ' : ''}${reward} ${withinMs} ${halfLifeMs}`
}

/** @param lesson as `lessonText` gives it */
export function trialText(lesson: string, bucket: string): string {
  const trial = `${lesson} ${bucket}`
  assert(trial.length <= bounds.trialChars, 'a trial that fits a token')
  return trial
}

/** What is said of learning; undefined for text of another kind, from which nobody learns. */
export interface Trial extends Lesson {
  /** As `lessonText` gives it. */
  readonly lesson: string
  readonly bucket: string
}

const form = /^(later )?(click|accept) (\d{1,12}) (\d{1,12}) (.*)$/

export function readTrial(text: string): Trial | undefined {
  const [, later, reward, within, halfLife, bucket] = form.exec(text) ?? []
  if (reward !== 'click' && reward !== 'accept') return undefined
  const times = { withinMs: Number(within), halfLifeMs: Number(halfLife) }
  const lesson = { reward, ...times, isLater: later !== undefined } as const
  const { withinMs, halfLifeMs } = lesson
  if (withinMs === 0 || withinMs > withinMaxMs) return undefined
  if (halfLifeMs < halfLifeMinMs || halfLifeMs > halfLifeMaxMs) return undefined
  return { ...lesson, lesson: lessonText(lesson), bucket: bucket ?? '' }
}

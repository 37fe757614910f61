import type { Experiment, Measure } from '../decision/playbook.ts'
import { decodeEntry, type Entry } from '../fragment/entry.ts'
import type { Ground } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { isShowing } from '../fragment/said.ts'

/** What is asked of people about an experiment. */
export interface ExperimentQuestion {
  /** The experiment's name. */
  readonly name: string
  /** Who was shown something in this time is counted; ±∞ where it is open. */
  readonly starts: number
  readonly ends: number
  /** The experiment's own measure, then its guardrails. */
  readonly measures: readonly Measure[]
  /** When it is asked: who was shown something too short a time before is not measured yet. */
  readonly now: number
}

export function questionOf(experiment: Experiment, now: number): ExperimentQuestion {
  const { name, starts, ends, measure, guardrails } = experiment
  return { name, starts, ends, now, measures: [measure, ...guardrails] }
}

/** What the timeline of a fragment says of an experiment. */
export interface ExperimentFacts {
  /** When it was first shown something in each arm. */
  readonly shown: readonly (readonly [arm: string, at: number])[]
  /** By measure: when it was done, in order. Where it was done often, only what tells times apart. */
  readonly done: readonly (readonly number[])[]
}

/** Times kept of one measure: of more, the newest. Two for each span of the measure are enough. */
const doneMax = 512

/** Arms of one fragment: more than one come by merging alone. */
const armsMax = 16

/** Whether bytes hold a word as it stands in an entry: most say no, and are not even decoded. */
export type Mentions = (bytes: Uint8Array, word: string) => boolean

/**
 * Undefined where it says nothing.
 * @param isAlone nobody else is in the profile: what was done counts only if something was shown
 */
export function factsOf(
  fragment: Fragment,
  ground: Pick<Ground, 'arena' | 'chunks'>,
  question: ExperimentQuestion,
  mentions: Mentions,
  isAlone: boolean,
): ExperimentFacts | undefined {
  const { name, starts, measures } = question
  const longest = Math.max(...measures.map(({ withinMs }) => withinMs))
  const chunks = chunksSince(fragment, ground, starts - longest)
  const arm = `${name}=`
  if (isAlone && !chunks.some((chunk) => mentions(chunk, arm))) return undefined
  const words = [arm, ...measures.map(wordOf)]
  const shown = new Map<string, number>()
  const done: number[][] = measures.map(() => [])
  for (const chunk of chunks)
    for (const entry of entriesWith(chunk, words, mentions)) {
      note(shown, entry, question)
      measures.forEach((measure, i) => {
        if (isDone(entry, measure)) done[i]?.push(entry.at)
      })
    }
  if (shown.size === 0 && (isAlone || done.every(({ length }) => length === 0))) return undefined
  return {
    shown: [...shown].slice(0, armsMax),
    done: done.map((times, i) => thinned(times, measures[i]?.withinMs ?? 0)),
  }
}

function* entriesWith(
  chunk: Uint8Array,
  words: readonly string[],
  mentions: Mentions,
): Generator<Entry> {
  const some = words.filter((word) => mentions(chunk, word))
  if (some.length === 0) return
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  for (let at = 0; at < chunk.length; ) {
    const end = at + view.getUint32(at, true)
    const bytes = chunk.subarray(at, end)
    if (some.some((word) => mentions(bytes, word))) yield decodeEntry(chunk, view, at)
    at = end
  }
}

function wordOf(measure: Measure): string {
  return measure.kind === 'event' ? measure.event : measure.outcome
}

/** Whether an entry is what a measure counts: whatever the placement, the channel or the offer. */
function isDone({ record }: Entry, measure: Measure): boolean {
  return measure.kind === 'event'
    ? record.kind === 'event' && record.name === measure.event
    : record.kind === 'outcome' && record.outcome === measure.outcome
}

/** Whoever clicks has seen it: so what implies a display shows as well. */
function note(shown: Map<string, number>, { at, record }: Entry, question: ExperimentQuestion) {
  const { name, starts, ends } = question
  if (record.kind !== 'outcome' || !isShowing(record) || at < starts || at >= ends) return
  const said = record.arms?.find((one) => one.startsWith(`${name}=`))
  if (said === undefined) return
  const arm = said.slice(name.length + 1)
  if (at < (shown.get(arm) ?? Number.POSITIVE_INFINITY)) shown.set(arm, at)
}

/** Entries in chunks, as bytes; those that end before `from` are left out. */
function chunksSince(
  { identifier, open, sealed }: Fragment,
  { arena, chunks }: Pick<Ground, 'arena' | 'chunks'>,
  from: number,
): Uint8Array[] {
  const bytes = open.count > 0 ? [open.bytes(arena)] : []
  if (sealed === null || sealed.lastAt < from) return bytes
  for (const { upTo, entries } of sealed.bytesBack(identifier, chunks)) {
    if (upTo < from) break
    bytes.push(entries)
  }
  return bytes
}

/**
 * In order, without those between two that are no further apart than the span: whoever asks whether
 * it was done within the span before or after any time hears the same.
 */
export function thinned(times: readonly number[], spanMs: number): number[] {
  const kept: number[] = []
  for (const time of [...times].sort((a, b) => a - b)) {
    const before = kept.at(-2)
    if (before !== undefined && time - before <= spanMs) kept.pop()
    kept.push(time)
  }
  return kept.slice(-doneMax)
}

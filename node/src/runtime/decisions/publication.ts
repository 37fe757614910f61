import { decode, encode, isFields } from '@halfsecond/protocol'
import type { TrialTally } from '../../core/decision/trial.ts'
import type { ActivePlaybook } from '../node-api.ts'

/** Something at a place of an author's text. */
export interface Remark {
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
}

/** What a text says differently from the one before, in its author's words. */
export interface ChangeSummary {
  readonly added: number
  readonly removed: number
  readonly changed: number
  /** A line or some for each, the first of them. */
  readonly lines: readonly string[]
}

/** What the checker of playbooks says of a text. */
export interface Review {
  /** Of its own tests: what they expect and it does not do. */
  readonly failures: readonly Remark[]
  /** What is no fault, but hardly meant. */
  readonly warnings: readonly Remark[]
  /** What it says differently from the text before. */
  readonly changes: ChangeSummary
}

/** Reads playbooks for those who publish them. */
export interface Authoring {
  /**
   * Rejects with a `PlaybookError` for a text that is no playbook.
   * @param before the text that decides; undefined before the first
   * @param mustPass rejects so where its own tests fail, too
   */
  review(text: string, before: string | undefined, mustPass: boolean): Promise<Review>
}

/** Who publishes, and how. */
export interface PublishRequest {
  readonly by: string
  readonly note?: string | undefined
  /** Publishes what fails its tests, or takes content away from many, too. */
  readonly isForced?: boolean | undefined
  /** Whether it is tried on timelines first; by default it is. */
  readonly isTried?: boolean | undefined
  /** Finds out everything, and publishes nothing. */
  readonly isDry?: boolean | undefined
}

/** A node that could not be told to get ready, and why. */
export interface Lacking {
  readonly node: string
  readonly why: string
}

/** What came of a publication. In a dry run it has the number of the version that decides. */
export interface Published extends ActivePlaybook {
  readonly isDry: boolean
  readonly changes: ChangeSummary
  readonly failures: readonly Remark[]
  readonly warnings: readonly Remark[]
  /** Undefined where nothing was tried. */
  readonly trial: TrialTally | undefined
  /** What the trial says against it, where that is no objection. */
  readonly risks: readonly string[]
  /** Why it would be refused without force; empty where it would not. */
  readonly objections: readonly string[]
  /** Living nodes that did not have it when it was activated. */
  readonly lacking: readonly Lacking[]
}

/** One version, as its claim says. */
export interface PlaybookVersion {
  readonly version: number
  readonly hash: string
  readonly name: string
  /** In milliseconds since 1970. */
  readonly at: number
  readonly by: string
  readonly note: string
  readonly isForced: boolean
  /** The version whose text it takes up again. */
  readonly rollsBack: number | undefined
  readonly changes: ChangeSummary | undefined
  readonly trial: TrialTally | undefined
}

/** Lines of a summary that are kept, and characters of each: a claim is a small value. */
const linesKept = 20
const lineCharsMax = 200

/** Placements whose trial is kept. */
const tallyMax = 64

/** Wider than what is written: other versions may say more. */
const limits = { frameBytes: 256 * 1024, depth: 6, elementsPerItem: 1_024 }

export function encodeClaim(claim: Omit<PlaybookVersion, 'version'>): Uint8Array {
  const { hash, name, at, by, note, isForced, rollsBack, changes, trial } = claim
  return encode({
    hash,
    name,
    at,
    by,
    note,
    isForced,
    ...(rollsBack !== undefined && { rollsBack }),
    ...(changes && {
      changes: {
        ...changes,
        lines: changes.lines.slice(0, linesKept).map((line) => line.slice(0, lineCharsMax)),
      },
    }),
    ...(trial && {
      trial: {
        ...trial,
        placements: Object.fromEntries(Object.entries(trial.placements).slice(0, tallyMax)),
      },
    }),
  })
}

/** Undefined for what is no claim. What an earlier version did not write is empty. */
export function readClaim(version: number, bytes: Uint8Array): PlaybookVersion | undefined {
  const value = decode(bytes, limits)
  if (!isFields(value) || typeof value.hash !== 'string') return undefined
  const { hash, name, at, by, note, isForced, rollsBack, changes, trial } = value
  return {
    version,
    hash,
    name: textOf(name),
    at: numberOf(at),
    by: textOf(by),
    note: textOf(note),
    isForced: isForced === true,
    rollsBack: typeof rollsBack === 'number' ? rollsBack : undefined,
    changes: isFields(changes) ? summaryOf(changes) : undefined,
    trial: tallyOf(trial),
  }
}

function summaryOf({ added, removed, changed, lines }: Fields): ChangeSummary {
  return {
    added: numberOf(added),
    removed: numberOf(removed),
    changed: numberOf(changed),
    lines: Array.isArray(lines) ? lines.map(textOf) : [],
  }
}

/** What a shard counted; undefined for anything else. */
export function tallyOf(value: unknown): TrialTally | undefined {
  if (!isFields(value) || !isFields(value.placements)) return undefined
  const placements = Object.entries(value.placements).map(([name, one]) => {
    const { asked, before, after } = isFields(one) ? one : {}
    const tally = { asked: numberOf(asked), before: numberOf(before), after: numberOf(after) }
    return [name, tally] as const
  })
  const { timelines, partial } = value
  return {
    timelines: numberOf(timelines),
    partial: numberOf(partial),
    placements: Object.fromEntries(placements),
  }
}

type Fields = { readonly [name: string]: unknown }

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

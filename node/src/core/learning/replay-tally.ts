/** Why a decision, or one of its placements, says nothing of the candidate. */
export type DropReason =
  | 'unreadable'
  | 'without its profile'
  | 'of a playbook that is gone'
  | 'at a placement that the candidate has not'
  | 'at a placement whose items of a catalogue are not known'
  | 'held out by an experiment'

/** What a replay has read. */
export interface ReplayTally {
  readonly decisions: number
  /** Decisions of which all, or only a part, of what the candidate looks at is known. */
  readonly whole: number
  readonly partial: number
  /** Of those, the ones that came with timelines, from which is made what was not logged. */
  readonly rebuilt: number
  readonly dropped: { readonly [reason in DropReason]?: number }
  /** Times of the first and the last decision, in milliseconds since 1970; 0 where there is none. */
  readonly from: number
  readonly to: number
  /** Playbook version → decisions. */
  readonly playbooks: { readonly [version: string]: number }
  /** Model version → decisions. */
  readonly models: { readonly [version: string]: number }
  /** One of how many was logged → decisions. */
  readonly sampled: { readonly [oneOf: string]: number }
  /** What the candidate looks at and the log does not have. */
  readonly missing: readonly string[]
}

/** A tally that grows. */
export interface GrowingTally {
  decisions: number
  whole: number
  partial: number
  rebuilt: number
  dropped: { [reason in DropReason]?: number }
  from: number
  to: number
  playbooks: { [version: string]: number }
  models: { [version: string]: number }
  sampled: { [oneOf: string]: number }
}

export function emptyTally(): GrowingTally {
  const none = { decisions: 0, whole: 0, partial: 0, rebuilt: 0, from: 0, to: 0 }
  return { ...none, dropped: {}, playbooks: {}, models: {}, sampled: {} }
}

export function countIn(counts: { [name: string]: number }, name: number): void {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Decisions of which too little was logged: what they would say is missing. */
export function faultyIn({ dropped }: ReplayTally): number {
  const faulty = ['unreadable', 'without its profile', 'of a playbook that is gone'] as const
  return faulty.reduce((sum, reason) => sum + (dropped[reason] ?? 0), 0)
}

/** Of two parts of a log. */
export function addReplayTallies(one: ReplayTally, other: ReplayTally): ReplayTally {
  const times = [one.from, other.from].filter((at) => at > 0)
  return {
    decisions: one.decisions + other.decisions,
    whole: one.whole + other.whole,
    partial: one.partial + other.partial,
    rebuilt: one.rebuilt + other.rebuilt,
    dropped: sums(one.dropped, other.dropped),
    from: times.length === 0 ? 0 : Math.min(...times),
    to: Math.max(one.to, other.to),
    playbooks: sums(one.playbooks, other.playbooks),
    models: sums(one.models, other.models),
    sampled: sums(one.sampled, other.sampled),
    missing: [...new Set([...one.missing, ...other.missing])],
  }
}

export const emptyReplay: ReplayTally = { ...emptyTally(), missing: [] }

type Counts = { readonly [name: string]: number }

function sums(one: Counts, other: Counts): Counts {
  const all: { [name: string]: number } = { ...one }
  for (const [name, count] of Object.entries(other)) all[name] = (all[name] ?? 0) + count
  return all
}

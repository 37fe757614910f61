import type { ReplayedParts, WantedReward } from '../../core/learning/candidate-replay.ts'

/** What a thread is started for. */
export interface ReplayJob {
  /** Text of the candidate playbook. */
  readonly candidate: string
  readonly reward: WantedReward
  /** Undefined: all placements. */
  readonly placement: string | undefined
  /** Whether the candidate shows items of catalogues: each thread keeps them for itself. */
  readonly hasItems: boolean
}

export type ToThread =
  /** Decisions with their outcomes, framed as in `core/learning/joined.ts`. */
  | { readonly kind: 'batch'; readonly bytes: Uint8Array }
  /** The text of a playbook that was wanted; undefined where nobody has it. */
  | { readonly kind: 'playbook'; readonly version: number; readonly text: string | undefined }
  /** Of a version of a catalogue that was wanted. */
  | {
      readonly kind: 'items'
      readonly hash: string
      readonly pieces: readonly Uint8Array[] | undefined
    }

export type FromThread =
  /** What became of the oldest batch that was not answered yet. */
  | { readonly kind: 'replayed'; readonly replayed: ReplayedParts }
  | { readonly kind: 'wanted'; readonly version: number }
  | { readonly kind: 'items wanted'; readonly hash: string }
  /** The batch was no decisions. */
  | { readonly kind: 'failed'; readonly message: string }

import type {
  CopyRecord,
  EdgeRecord,
  ErasedRecord,
  FragmentId,
  GoneRecord,
  MentionRecord,
  RefuseRecord,
  ReinstateRecord,
  SpreadRecord,
} from '@halfsecond/protocol'
import type { IdentityRules } from './rules.ts'

/** What the home of `to` must hear. A copy's content is read when it is sent: it only gets newer. */
export type Message =
  | Omit<EdgeRecord, 'n'>
  | Omit<CopyRecord, 'n' | 'fragment'>
  | Omit<GoneRecord, 'n'>
  | Omit<RefuseRecord, 'n'>
  | Omit<ReinstateRecord, 'n'>
  | Omit<MentionRecord, 'n'>
  | Omit<SpreadRecord, 'n'>
  | Omit<ErasedRecord, 'n'>

/** What other systems are told of a profile. */
export interface ProfileChange {
  /** `popular`: it is linked to more than any person, and joins nobody any more. */
  readonly kind: 'merged' | 'split' | 'reassigned' | 'erased' | 'popular'
  /** The profile that it happened to; for `reassigned` the one that is no more. */
  readonly root: FragmentId
  /** Who joined, left, or went along. */
  readonly members: readonly FragmentId[]
  /** For `reassigned`: the greater one that the profile is part of now. */
  readonly to: FragmentId | null
}

/** What recognition asks of the fold. */
export interface IdentityGround {
  readonly rules: IdentityRules
  /** The rules that the shard is folded by. */
  readonly foldVersion: number
  send(message: Message): void
  tell(change: ProfileChange): void
}

import type { ChannelRecord } from '@halfsecond/protocol'

/** A record as a file gives it: the import adds its number, and its id where it has none. */
export type Draft = ChannelRecord extends infer R
  ? R extends ChannelRecord
    ? Omit<R, 'id' | 'n'> & { readonly id?: string }
    : never
  : never

/** What a reader makes of one line: a record, or why there is none. */
export type Row =
  | { readonly line: number; readonly text: string; readonly draft: Draft }
  | { readonly line: number; readonly text: string; readonly fault: string }

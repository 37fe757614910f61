import type { ChannelRecord, Identifier } from '@halfsecond/protocol'

/** A record as a file gives it: the import adds its number, and its id where it has none. */
export type Draft = ChannelRecord extends infer R
  ? R extends ChannelRecord
    ? Omit<R, 'id' | 'n'> & { readonly id?: string }
    : never
  : never

/** What a reader makes of one line: a record, several by a mapping, or why there is none. */
export type Row = PlainRow | MappedRow

export type PlainRow =
  | { readonly line: number; readonly text: string; readonly draft: Draft }
  | RefusedRow

export interface MappedRow {
  readonly line: number
  readonly text: string
  readonly key: Identifier
  /** Names of the traits that it has. */
  readonly traits: readonly string[]
  readonly drafts: readonly Draft[]
}

export interface RefusedRow {
  readonly line: number
  readonly text: string
  readonly fault: string
  /** Whom it is about, where that much could be read. */
  readonly key?: Identifier
}

export function draftsOf(row: Exclude<Row, RefusedRow>): readonly Draft[] {
  return 'draft' in row ? [row.draft] : row.drafts
}

import type { OutcomeRecord } from '@halfsecond/protocol'
import { decodeEntry, headerBytes } from '../fragment/entry.ts'
import type { Ground } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { saidBy } from '../fragment/said.ts'
import { type JoinedOutcome, outcomesPerDecisionMax } from './joined.ts'

/** Outcomes of a fragment by the decision that they are of. */
export type OutcomeIndex = ReadonlyMap<string, readonly JoinedOutcome[]>

/** Sealed chunks read in one step: less than a millisecond. */
const chunksAtOnce = 8

/**
 * All outcomes in a timeline at or after `from`, read once however many decisions are asked about.
 * In steps, between which other work may have its turn.
 */
export function* indexInSteps(
  { identifier, open, sealed }: Fragment,
  { arena, chunks }: Pick<Ground, 'arena' | 'chunks'>,
  from: number,
): Generator<void, OutcomeIndex> {
  const index = new Map<string, JoinedOutcome[]>()
  gather(open.bytes(arena), from, index)
  let read = 0
  for (const { upTo, entries } of sealed?.bytesBack(identifier, chunks) ?? []) {
    if (upTo < from) break
    gather(entries, from, index)
    if (++read % chunksAtOnce === 0) yield
  }
  for (const outcomes of index.values()) {
    if (outcomes.length === 1) continue
    outcomes.sort((a, b) => a.at - b.at)
    outcomes.splice(outcomesPerDecisionMax)
  }
  return index
}

function gather(bytes: Uint8Array, from: number, to: Map<string, JoinedOutcome[]>): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let start = 0; start < bytes.length; start += view.getUint32(start, true)) {
    if (view.getFloat64(start + 8, true) < from || !mayBeOutcome(bytes, start)) continue
    const { at, record } = decodeEntry(bytes, view, start)
    if (record.kind === 'outcome') add(record, at, to)
  }
}

function add(record: OutcomeRecord, at: number, to: Map<string, JoinedOutcome[]>): void {
  const { decision, placement, offer } = record
  const outcome = { placement, offer, outcome: saidBy(record), at }
  const known = to.get(decision)
  if (known === undefined) to.set(decision, [outcome])
  else known.push(outcome)
}

/** The key `kind` as text of four bytes. */
const kindHead: readonly number[] = [0xa4, 0x6b, 0x69, 0x6e, 0x64]

/** `outcome` as text of seven bytes begins so: no other kind of entry is as long. */
const outcomeHead = 0xa7

/** Whether an entry is an outcome, or only decoding it tells: most clients write the kind first. */
function mayBeOutcome(bytes: Uint8Array, start: number): boolean {
  const first = start + headerBytes + 1
  for (let i = 0; i < kindHead.length; i++) if (bytes[first + i] !== kindHead[i]) return true
  const head = bytes[first + kindHead.length] ?? 0
  const isShortText = head >= 0xa0 && head <= 0xbf
  return !isShortText || head === outcomeHead
}

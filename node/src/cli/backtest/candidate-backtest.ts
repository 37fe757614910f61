import { HalfsecondError } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import { changesIn } from '../../core/learning/candidate-changes.ts'
import { estimateCandidate } from '../../core/learning/candidate-estimate.ts'
import type { ReplayedParts } from '../../core/learning/candidate-replay.ts'
import { CandidateRows } from '../../core/learning/candidate-rows.ts'
import { judgeCandidate } from '../../core/learning/candidate-verdict.ts'
import {
  addReplayTallies,
  emptyReplay,
  faultyIn,
  type ReplayTally,
} from '../../core/learning/replay-tally.ts'
import type { ReplayJob } from './candidate-messages.ts'
import { type Asked, replayAll } from './candidate-pool.ts'
import { candidateWarnings, type PlacementBacktest } from './candidate-texts.ts'

/** Rows that are kept at a time, of some 100 bytes each; later decisions are left out. */
export const rowsMax = 10_000_000

export interface Replayed {
  readonly read: ReplayTally
  readonly placements: readonly PlacementBacktest[]
}

/**
 * What the candidate would have done and earned, by decisions that come in batches.
 * @throws HalfsecondError `INVALID` where there are more than can be kept
 */
export async function backtestCandidate(
  batches: AsyncIterable<Uint8Array<ArrayBuffer>>,
  job: ReplayJob,
  asked: Asked,
): Promise<Replayed> {
  const rows = new Map<string, CandidateRows>()
  let read = emptyReplay
  let kept = 0
  for await (const { tally, rows: parts } of replayAll(batches, job, asked)) {
    read = addReplayTallies(read, tally)
    kept += addParts(rows, parts)
    if (kept > rowsMax)
      throw new HalfsecondError(
        'INVALID',
        `more than ${rowsMax} decisions at placements: ask for fewer with --limit, --since or --placement`,
      )
  }
  const faulty = faultyIn(read)
  const placements: PlacementBacktest[] = []
  for (const name of [...rows.keys()].sort()) {
    const one = rows.get(name)
    if (one !== undefined) placements.push(placementOf(one, faulty))
    // What was estimated is kept no longer than the estimate of the next takes.
    rows.delete(name)
  }
  return { read, placements }
}

function placementOf(rows: CandidateRows, faulty: number): PlacementBacktest {
  const estimate = estimateCandidate(rows)
  const changes = changesIn(rows)
  return {
    placement: rows.placement,
    changes,
    estimate,
    verdict: judgeCandidate(changes, estimate, faulty),
    faulty,
    warnings: candidateWarnings(estimate),
  }
}

function addParts(rows: Map<string, CandidateRows>, parts: ReplayedParts['rows']): number {
  let added = 0
  for (const part of parts) {
    let one = rows.get(part.placement)
    if (one === undefined) {
      one = new CandidateRows(part.placement)
      rows.set(part.placement, one)
    }
    const before = one.count
    one.addParts(part)
    added += one.count - before
  }
  return added
}

/** What a reader of the results has to know of how a candidate is evaluated. */
export function notesOn({ placements }: Playbook, placement: string | undefined): string[] {
  const notes: string[] = []
  for (const { name, count, templates } of placements.values()) {
    if (placement !== undefined && name !== placement) continue
    if (templates.length > 0)
      notes.push(`${name} shows items of a catalogue: they are told by offer, whatever the item`)
    if (count > 1)
      notes.push(
        `${name} shows up to ${count} offers: who gains and loses is of all of them, what is earned of the first`,
      )
  }
  return notes
}

import {
  type DecideAnswer,
  type FragmentId,
  fragmentName,
  HalfsecondError,
  type PlacementAnswer,
  type PlacementError,
} from '@halfsecond/protocol'
import type { ExplainedCandidate, Explanation } from './explanation.ts'
import type { Placement, Playbook } from './playbook.ts'
import { reasonOf } from './reasons.ts'
import { sentenceOf } from './sentence.ts'
import type { Judged, Trace } from './verdict.ts'

/** A decision with all that it came from. */
export interface Explained {
  readonly answer: DecideAnswer
  readonly playbook: Playbook
  /** By placement. */
  readonly traces: ReadonlyMap<string, Trace>
  /** The fragments whose facts it was made of. */
  readonly members: Iterable<FragmentId>
  /** When it was, in words, where it was in the past. */
  readonly when?: string
}

/**
 * Puts a decision into words, one explanation per placement. The same decision gives the same text.
 * @throws HalfsecondError `UNKNOWN_PLACEMENT`
 */
export function explanationsOf(explained: Explained): Explanation[] {
  return explained.answer.placements.map((answer) => explanationOf(answer, explained))
}

function explanationOf(
  answer: PlacementAnswer | PlacementError,
  { answer: { freshness, playbook: version }, playbook, traces, members, when }: Explained,
): Explanation {
  const placement = playbook.placements.get(answer.placement)
  if ('error' in answer) throw new HalfsecondError(answer.error.code, answer.error.message)
  if (placement === undefined)
    throw new HalfsecondError('UNKNOWN_PLACEMENT', `no placement "${answer.placement}"`)
  const trace = traces.get(placement.name)
  return {
    placement: placement.name,
    sentence: sentenceOf(placement, answer.reason, trace, when),
    reason: answer.reason,
    freshness,
    playbook: version,
    identifiers: Array.from(members, fragmentName),
    shown: answer.propositions.map(({ offer, treatment, content }) => ({
      ...(offer !== undefined && { offer }),
      ...(treatment !== undefined && { treatment }),
      content,
    })),
    candidates: trace === undefined ? unasked(placement) : trace.candidates.map(explainCandidate),
    facts: Object.fromEntries(
      playbook.facts.flatMap(({ name }, index) =>
        trace === undefined ? [] : [[name, trace.facts[index] ?? 'unknown']],
      ),
    ),
    ...(trace !== undefined && trace.arms.length > 0 && { arms: trace.arms }),
  }
}

function explainCandidate(
  judged: Judged,
  _index: number,
  all: readonly Judged[],
): ExplainedCandidate {
  const { candidate, verdict } = judged
  return {
    offer: candidate.offer.name,
    treatment: candidate.treatment,
    verdict:
      verdict.kind === 'group-never'
        ? 'never'
        : verdict.kind === 'placement-limit'
          ? 'limit'
          : verdict.kind,
    reason: reasonOf(judged, all),
  }
}

/** Without consent nothing is known of a person, so no candidate was looked at. */
function unasked(placement: Placement): ExplainedCandidate[] {
  return placement.candidates.map(({ offer, treatment }) => ({
    offer: offer.name,
    treatment,
    verdict: 'consent',
    reason: 'there is no consent to personalise',
  }))
}

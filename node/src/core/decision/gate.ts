import type { Evaluation } from './evaluation.ts'
import type { Gate, QuietHours } from './playbook.ts'
import type { Verdict } from './verdict.ts'

/** Why a channel takes nothing now, or undefined. What is not known of a preference closes it. */
export function closedGate(gate: Gate | undefined, evaluation: Evaluation): Verdict | undefined {
  if (gate === undefined) return undefined
  const { quiet, when } = gate
  if (quiet !== undefined && isQuiet(quiet, evaluation)) return { kind: 'quiet', quiet }
  const truth = when === undefined ? true : when.test(evaluation)
  return when === undefined || truth === true
    ? undefined
    : { kind: 'channel', condition: when, truth }
}

function isQuiet({ from, until }: QuietHours, { calendar, now, zone }: Evaluation): boolean {
  const { hour, minute } = calendar.clockAt(now, zone)
  const time = hour * 60 + minute
  return from < until ? time >= from && time < until : time >= from || time < until
}

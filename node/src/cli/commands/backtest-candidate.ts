import { writeFile } from 'node:fs/promises'
import { HalfsecondError, isOutcome, printable } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import { parseDuration } from '../../core/duration.ts'
import type { WantedReward } from '../../core/learning/candidate-replay.ts'
import type { ReplayTally } from '../../core/learning/replay-tally.ts'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { backtestCandidate, notesOn, rowsMax } from '../backtest/candidate-backtest.ts'
import { candidateReport } from '../backtest/candidate-report.ts'
import {
  type CandidateBacktest,
  candidateAsJson,
  describeCandidate,
} from '../backtest/candidate-texts.ts'
import { batchesOfCluster, batchesOfFile } from '../backtest/joined-batches.ts'
import { storedItems } from '../backtest/stored-items.ts'
import { Exit, exitCodes } from '../failure.ts'
import { textOf } from '../fields.ts'
import { Progress } from '../import/progress.ts'
import { checkPlaybook, describeFaults, readText } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import { sinceOf } from '../since.ts'
import type { Surroundings } from '../surroundings.ts'
import { versionAt } from './playbook-log.ts'

export interface CandidateOptions {
  readonly since?: string
  readonly placement?: string
  readonly reward?: string
  readonly within?: string
  readonly limit?: string
  readonly timelines?: boolean
  readonly decisions?: string
  readonly before?: string
  readonly report?: string
  readonly adminUrl?: string
  readonly json?: boolean
}

/** Progress is told in thousandths. */
const progressSteps = 1_000

/** Lets a candidate playbook decide again what was decided, and says what that would have changed. */
export async function runCandidateBacktest(
  file: string,
  options: CandidateOptions,
  around: Surroundings,
): Promise<void> {
  const startedAt = performance.now()
  const reward = rewardOf(options)
  const max = limitOf(options.limit)
  const { text: candidate, playbook } = await readPlaybook(file, around)
  const { placement, report, timelines } = options
  if (report !== undefined && !/\.(svg|html)$/.test(report))
    throw new HalfsecondError(
      'INVALID',
      `--report is "${printable(report)}": a file that ends in .svg or .html`,
    )
  if (placement !== undefined && !playbook.placements.has(placement))
    throw new HalfsecondError('INVALID', `${file} has no placement "${printable(placement)}"`)
  const progress = new Progress(viewOf(around), progressSteps, 'decisions')
  const admin = new AdminClient(adminUrl(options.adminUrl, around))
  const batching = {
    max,
    signal: around.stopping,
    onProgress: (share: number, decisions: number) =>
      progress.show(decisions, share * progressSteps),
  }
  const until = Date.now()
  const batches =
    options.decisions === undefined
      ? batchesOfCluster(
          admin,
          { since: sinceOf(options.since ?? '7d', until), until, placement, timelines },
          batching,
        )
      : batchesOfFile(options.decisions, batching)
  const hasItems = [...playbook.placements.values()].some(({ templates }) => templates.length > 0)
  const texts = await textsOf(options.before, admin, around)
  const { read, placements } = await backtestCandidate(
    batches,
    { candidate, reward, placement, hasItems },
    { textOf: texts, itemsOf: storedItems(admin, options.decisions !== undefined) },
  )
  progress.clear()
  if (placements.length === 0)
    throw new HalfsecondError('INVALID', nothingToSay(file, read, options))
  const { user, system } = process.cpuUsage()
  const found: CandidateBacktest = {
    candidate: file,
    reward,
    read,
    placements,
    notes: notesOn(playbook, placement),
    used: {
      seconds: (performance.now() - startedAt) / 1000,
      cpuSeconds: (user + system) / 1e6,
      memoryBytes: process.resourceUsage().maxRSS * 1024,
    },
  }
  if (report !== undefined) await writeFile(report, candidateReport(found, report))
  if (options.json) printJson(around.output, candidateAsJson(found))
  else for (const line of describeCandidate(found)) printLine(around.output, line)
}

/** Rejects with `Exit`, and prints what is wrong, where it cannot be compiled. */
async function readPlaybook(
  file: string,
  around: Surroundings,
): Promise<{ readonly text: string; readonly playbook: Playbook }> {
  const text = await readText(file, around.input)
  const { playbook, faults } = checkPlaybook(text)
  if (playbook !== undefined) return { text, playbook }
  around.notes.write(`${describeFaults(file, faults)}\n`)
  throw new Exit(exitCodes.failed)
}

function nothingToSay(
  file: string,
  { decisions, dropped }: ReplayTally,
  { decisions: exported, placement }: CandidateOptions,
): string {
  const reasons = Object.entries(dropped)
  if (reasons.length > 0) {
    const why = reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')
    return `no logged decision says anything of ${file}: ${why}`
  }
  if (exported !== undefined && decisions === 0) return `no decision is in ${exported}`
  const at = placement === undefined ? '' : ` at ${placement}`
  if (exported !== undefined) return `no decision in ${exported} was made${at}`
  return `no decision${at} was logged in this time: ask for more with --since`
}

function viewOf({ isTerminal, notes }: Surroundings) {
  return { isTerminal, write: (text: string) => void notes.write(text) }
}

function rewardOf({ reward = 'accept', within = '7d' }: CandidateOptions): WantedReward {
  if (!isOutcome(reward))
    throw new HalfsecondError(
      'INVALID',
      `--reward is "${printable(reward)}": what becomes of an offer, like accept or click`,
    )
  const withinMs = parseDuration(within)
  if (withinMs === undefined)
    throw new HalfsecondError(
      'INVALID',
      `--within is "${printable(within)}": a duration like 30m or 7d`,
    )
  return { outcome: reward, withinMs }
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? rowsMax : Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= rowsMax) return limit
  throw new HalfsecondError(
    'INVALID',
    `--limit is "${printable(text ?? '')}": a number from 1 to ${rowsMax}`,
  )
}

/** Texts of playbooks by their versions: of a file, whatever the version, or as a node knows them. */
async function textsOf(
  before: string | undefined,
  admin: AdminClient,
  around: Surroundings,
): Promise<(version: number) => Promise<string | undefined>> {
  if (before !== undefined) {
    const { text } = await readPlaybook(before, around)
    return () => Promise.resolve(text)
  }
  const known = new Map<number, Promise<string | undefined>>()
  return (version) => {
    let text = known.get(version)
    if (text === undefined) {
      text = textAt(version, admin)
      known.set(version, text)
    }
    return text
  }
}

async function textAt(version: number, admin: AdminClient): Promise<string | undefined> {
  try {
    return textOf((await versionAt(String(version), admin)).text)
  } catch (error) {
    if (error instanceof HalfsecondError && error.code === 'INVALID') return undefined
    throw error
  }
}

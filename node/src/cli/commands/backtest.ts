import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import type { LoggedChoices } from '../../core/learning/logged-choices.ts'
import { estimate, type Policy, uniformPolicy } from '../../core/learning/off-policy.ts'
import { judge } from '../../core/learning/verdict.ts'
import { backtestAsJson, describeBacktest, type Used } from '../backtest/backtest-texts.ts'
import { type LogColumns, readLog } from '../backtest/logged-rows.ts'
import { readPolicy } from '../backtest/policy-file.ts'
import { warningsOf } from '../backtest/warnings.ts'
import { type Content, openContent } from '../import/content.ts'
import { Progress } from '../import/progress.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { type CandidateOptions, runCandidateBacktest } from './backtest-candidate.ts'

/** Faulty rows that are told one by one. */
const toldMax = 10

interface BacktestOptions extends CandidateOptions, Omit<LogColumns, 'reward'> {
  readonly log?: string
  readonly policy: string
}

interface LogOptions extends LogColumns {
  readonly log: string
  readonly policy: string
  readonly json?: boolean
}

const help = `
With a candidate: decisions that nodes logged are made again by it, each with what was known of the visitor
then. It says who gains and who loses each offer, and what the candidate would have earned.

  halfsecond backtest candidate.yaml --since 7d --reward accept --within 7d

With --log: another policy over a log of any system. It has a row for each choice: what was chosen, what
that earned (a number, or true and false), and with what probability it was chosen; gzip is unpacked.

  halfsecond backtest --log choices.csv.gz --action item_id --reward click --propensity p --policy uniform

Policies:
  uniform  each action that the log shows, alike
  <file>   CSV with a header line: action,probability; the probabilities add up to 1

Estimates, each with its 95 % interval (1.96 standard errors):
  ips      rewards weighted by policy / propensity
  snips    the same divided by the sum of weights, which is steadier: the verdict goes by it
  dr       what each action is expected to earn in each context, corrected by what came instead

No verdict is given below an effective sample size of 200, where over 5 % of the policy are actions
that the log never shows, or where over 1 % of the rows are faulty. The estimates are printed anyway.`

export function addBacktest(program: Command, around: Surroundings): void {
  program
    .command('backtest')
    .description('estimate what another playbook, or policy, would have earned, by past choices')
    .argument('[file]', 'a candidate playbook: what it would have shown instead')
    .option('--since <age or time>', 'decisions of the last 7d, or since 2026-11-01T00:00:00Z')
    .option('--placement <name>', 'only at this placement')
    .option('--reward <what>', 'an outcome, by default accept; with --log its column, reward')
    .option('--within <duration>', 'how soon after the decision it counts (default: 7d)')
    .option('--limit <number>', 'read at most so many decisions')
    .option('--timelines', 'make features that were not logged anew, from stored timelines')
    .option('--decisions <file>', 'decisions that `halfsecond decisions export` wrote')
    .option('--before <file>', 'the playbook that decided, where no node is asked for it')
    .option('--report <file>', 'also write a picture, .svg, or a page, .html')
    .option('--admin-url <url>', 'admin port of any node')
    .option('--log <file>', 'CSV with a header line; - reads standard input')
    .option('--action <column>', 'column of what was chosen', 'action')
    .option('--propensity <column>', 'column of the probability of that choice', 'propensity')
    .option(
      '--context <columns>',
      'columns, by commas, of what was known of the visitor',
      commas,
      [],
    )
    .option('--policy <policy>', 'uniform, or a file', 'uniform')
    .option('--delimiter <char>', 'what stands between cells', ',')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action(async (candidate: string | undefined, options: BacktestOptions, command: Command) => {
      const { log, reward = 'reward' } = options
      if ((candidate === undefined) === (log === undefined))
        command.error("error: name a candidate playbook, or a log with '--log <file>'")
      if (candidate !== undefined) await runCandidateBacktest(candidate, options, around)
      else if (log !== undefined) await backtestLog({ ...options, log, reward }, around)
    })
}

async function backtestLog(options: LogOptions, around: Surroundings): Promise<void> {
  const content = await openContent(options.log, around.input)
  try {
    await backtest(content, options, around)
  } finally {
    await content.close()
  }
}

async function backtest(
  content: Content,
  options: LogOptions,
  around: Surroundings,
): Promise<void> {
  const startedAt = performance.now()
  // First, because a faulty policy should be told at once and not after a long log.
  const written = options.policy === 'uniform' ? undefined : await policyOf(options.policy, around)
  const { log, faulty, rows } = await read(content, options, around)
  if (log.actions.size === 0)
    throw new HalfsecondError('INVALID', `${options.log} has no choice that can be read`)
  const policy = written ?? uniformPolicy(log.actions)
  const found = estimate(log, policy)
  const { user, system } = process.cpuUsage()
  const used: Used = {
    rows,
    bytes: content.bytes,
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: (user + system) / 1e6,
    memoryBytes: process.resourceUsage().maxRSS * 1024,
  }
  const tested = {
    file: options.log,
    policy: options.policy,
    actions: log.actions.size,
    contexts: log.bucketCount,
    faulty,
    estimate: found,
    verdict: judge(found, faulty),
    warnings: warningsOf(log, policy, found),
    used,
  }
  if (options.json) printJson(around.output, backtestAsJson(tested))
  else for (const line of describeBacktest(tested)) printLine(around.output, line)
}

async function policyOf(file: string, around: Surroundings): Promise<Policy> {
  const content = await openContent(file, around.input)
  try {
    return await readPolicy(file, content.read())
  } finally {
    await content.close()
  }
}

interface ReadLog {
  readonly log: LoggedChoices
  readonly faulty: number
  /** Faulty ones too. */
  readonly rows: number
}

async function read(content: Content, options: LogOptions, around: Surroundings): Promise<ReadLog> {
  const view = {
    isTerminal: around.isTerminal,
    write: (text: string) => void around.notes.write(text),
  }
  const progress = new Progress(view, content.bytes)
  let rows = 0
  let faulty = 0
  let bytes = 0
  const counted = async function* () {
    for await (const chunk of content.read()) {
      bytes += chunk.length
      yield chunk
    }
  }
  const log = await readLog(counted(), options, {
    signal: around.stopping,
    onFaulty: ({ line, fault }) => {
      if (++faulty <= toldMax) progress.note(`${options.log}:${line}: ${fault}`)
    },
    onRows: (count) => {
      rows = count
      progress.show(count, bytes)
    },
  })
  progress.clear()
  return { log, faulty, rows }
}

function commas(text: string): string[] {
  return text.split(',').map((one) => one.trim())
}

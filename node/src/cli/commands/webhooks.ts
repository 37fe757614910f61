import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { numberOf } from '../cluster-answer.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

interface Options {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addWebhooks(program: Command, around: Surroundings): void {
  const webhooks = program
    .command('webhooks')
    .description('where signals are sent to: see how far each is, and try again')
    .helpCommand(false)
  addLs(webhooks, around)
  addDead(webhooks, around)
  addRetry(webhooks, around)
}

function addLs(webhooks: Command, around: Surroundings): void {
  webhooks
    .command('ls')
    .description('all webhooks: how many signals each took, and whether it is failing')
    .option(
      '--json',
      'print a list of {name, url, signals, segments, cursor, since, tries, failingSince, nextAt, reason, taken, dead}',
    )
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: Options) => {
      const list = listOf(fieldsOf(await adminOf(options, around).get('/v1/webhooks')).webhooks)
      if (options.json) printJson(around.output, list)
      else if (list.length === 0) printLine(around.output, 'no webhooks: see HALFSECOND_WEBHOOKS')
      else
        for (const line of tableOf([heading, ...list.map(cellsOf)])) printLine(around.output, line)
    })
}

const heading = ['WEBHOOK', 'TAKEN', 'PUT ASIDE', 'STATE']

function cellsOf({ name, taken, dead, tries, failingSince, reason }: Fields): string[] {
  const state =
    numberOf(tries) === 0
      ? 'well'
      : `failing since ${timeOf(failingSince)}, ${textOf(tries)} tries: ${textOf(reason)}`
  return [textOf(name), textOf(taken), textOf(dead), state]
}

function addDead(webhooks: Command, around: Surroundings): void {
  webhooks
    .command('dead')
    .argument('<name>', 'of a webhook')
    .description('the signals that it did not take, and that were put aside')
    .option('--json', 'print {cursor, id, at, tries, reason, isRetried}, one a line')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (name: string, options: Options) => {
      const path = `/v1/webhooks/${encodeURIComponent(name)}/dead`
      for (const letter of listOf(fieldsOf(await adminOf(options, around).get(path)).dead)) {
        if (options.json) {
          printJson(around.output, letter)
          continue
        }
        const { cursor, id, at, tries, reason } = letter
        const why = `after ${textOf(tries)} tries: ${textOf(reason)}`
        printLine(around.output, `${textOf(cursor)} ${timeOf(at)} ${textOf(id)} ${why}`)
      }
    })
}

function addRetry(webhooks: Command, around: Surroundings): void {
  webhooks
    .command('retry')
    .argument('<name>', 'of a webhook')
    .description('try once more all that was put aside')
    .option('--json', 'print {retried}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (name: string, options: Options) => {
      const path = `/v1/webhooks/${encodeURIComponent(name)}/retry`
      const answer = fieldsOf(await adminOf(options, around).post(path, 'application/json', '{}'))
      if (options.json) printJson(around.output, answer)
      else
        printLine(
          around.output,
          `${textOf(answer.retried)} signals are tried again: see webhooks ls`,
        )
    })
}

function adminOf(options: Options, around: Surroundings): AdminClient {
  return new AdminClient(adminUrl(options.adminUrl, around))
}

function timeOf(value: unknown): string {
  return new Date(numberOf(value)).toISOString()
}

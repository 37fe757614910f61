import { setTimeout } from 'node:timers/promises'
import { HalfsecondError, printable } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { numberOf } from '../cluster-answer.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface SignalsOptions {
  readonly after: string
  readonly follow?: boolean
  readonly json?: boolean
  readonly adminUrl?: string
}

const pageSize = 1_000

/** How often a node is asked for more. */
const followMs = 1_000

export function addSignals(program: Command, around: Surroundings): void {
  program
    .command('signals')
    .description(
      'what other systems are told: who entered or left segments, was merged, split, erased …',
    )
    .option('--after <cursor>', 'only what came after this one', '0')
    .option('--follow', 'go on, until it is stopped')
    .option(
      '--json',
      'print {cursor, v, id, signal, profile, members, into?, segment?, …, at}, one a line',
    )
    .option('--admin-url <url>', 'admin port of any node')
    .action(async ({ after: text, follow = false, json = false, ...options }: SignalsOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const { output, stopping } = around
      let after = cursorIn(text)
      while (!stopping.aborted && !output.destroyed) {
        const answer = fieldsOf(await admin.get(`/v1/signals?after=${after}&limit=${pageSize}`))
        const signals = listOf(answer.signals)
        for (const signal of signals) {
          if (json) printJson(output, signal)
          else printLine(output, lineOf(signal))
        }
        after = numberOf(answer.next)
        if (signals.length > 0) continue
        if (!follow) return
        await setTimeout(followMs, undefined, { signal: stopping }).catch(() => undefined)
      }
    })
}

function cursorIn(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new HalfsecondError(
    'INVALID',
    `--after is the number of a signal, not "${printable(text)}"`,
  )
}

function lineOf({ cursor, signal, profile, members, into, segment, offer, at }: Fields): string {
  const others: unknown[] = Array.isArray(members) ? members : []
  const words = [
    textOf(cursor),
    new Date(numberOf(at)).toISOString(),
    textOf(signal),
    textOf(profile),
  ]
  if (others.length > 0) words.push(`(${others.map(textOf).join(', ')})`)
  if (into !== undefined) words.push(`into ${textOf(into)}`)
  if (segment !== undefined) words.push(textOf(segment))
  if (offer !== undefined) words.push(`→ ${textOf(offer)}`)
  return words.join(' ')
}

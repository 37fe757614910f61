import { setTimeout as pause } from 'node:timers/promises'
import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type Fields, fieldsOf, textOf } from '../fields.ts'
import { describePerson } from '../person-texts.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface EraseOptions {
  readonly id?: string
  readonly epoch?: string
  readonly by?: string
  readonly dryRun?: boolean
  readonly wait?: boolean
  readonly now?: boolean
  readonly json?: boolean
  readonly adminUrl?: string
}

/** Normally within a second; a cluster that is moving shards takes longer. */
const effectiveMs = 60_000

/** Every node copies its whole store. */
const expungedMs = 3_600_000

const lookMs = 100

export function addErase(program: Command, around: Surroundings): void {
  program
    .command('erase')
    .description('erase a person: everything known until now, of all that is linked')
    .argument('<who>', 'like crm:991 or anon:4hG8')
    .option('--dry-run', 'only show what would be erased')
    .option('--wait', 'until no answer shows anything of it: about a second')
    .option('--now', 'also until no file holds anything of it; else that takes up to a day')
    .option('--epoch <number>', 'of a device that several people used: which time, from 0')
    .option('--id <erase id>', 'the same again is the same erase (default: a new one)')
    .option('--by <name>', 'who does it (default: the user of this system)')
    .option(
      '--json',
      'print the receipt {eraseId, identifier, requestedAt, effectiveAt, expungedAt, …}',
    )
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (identifier: string, options: EraseOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const answer = fieldsOf(
        await admin.post('/v1/erasures', json, bodyOf(identifier, options, around)),
      )
      const receipt = options.dryRun ? answer : await ended(answer, options, admin, around)
      if (options.json) printJson(around.output, receipt)
      else for (const line of describe(receipt, options)) printLine(around.output, line)
    })
}

const json = 'application/json'

function bodyOf(identifier: string, options: EraseOptions, { env }: Surroundings): string {
  const { id, epoch, dryRun } = options
  if (epoch !== undefined && !/^\d{1,2}$/.test(epoch))
    throw new HalfsecondError('INVALID', '--epoch is a number from 0')
  return JSON.stringify({
    identifier,
    by: options.by ?? (env.USER || env.LOGNAME || 'unknown'),
    ...(id !== undefined && { eraseId: id }),
    ...(epoch !== undefined && { epoch: Number(epoch) }),
    ...(dryRun && { dryRun }),
  })
}

/** The receipt, once it says what was asked to wait for. */
async function ended(
  answer: Fields,
  { wait, now }: EraseOptions,
  admin: AdminClient,
  around: Surroundings,
): Promise<Fields> {
  if (!wait && !now) return answer
  const path = `/v1/erasures/${encodeURIComponent(textOf(answer.identifier))}/${encodeURIComponent(textOf(answer.eraseId))}`
  const read = async () => ({ ...answer, ...fieldsOf(await admin.get(path)) })
  const receipt = await until(read, ({ effectiveAt }) => effectiveAt !== null, effectiveMs, around)
  if (!now || receipt.expungedAt !== null) return receipt
  await admin.post('/v1/erasures/expunge', json, '{}')
  const state = async () => fieldsOf(await admin.get('/v1/erasures/expunge'))
  const last = await until(state, ({ isRunning }) => isRunning === false, expungedMs, around)
  if (textOf(last.failure) !== '') throw new HalfsecondError('UNAVAILABLE', textOf(last.failure))
  return await read()
}

async function until(
  read: () => Promise<Fields>,
  isThere: (fields: Fields) => boolean,
  timeoutMs: number,
  around: Surroundings,
): Promise<Fields> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const fields = await read()
    if (isThere(fields)) return fields
    if (performance.now() > end || around.stopping.aborted)
      throw new HalfsecondError(
        'TIMEOUT',
        'the erase is in the log, and its end not to be seen yet: run the same with --id to look again',
      )
    await pause(lookMs, undefined, { signal: around.stopping }).catch(() => undefined)
  }
}

function describe(receipt: Fields, { dryRun, now }: EraseOptions): string[] {
  const name = textOf(receipt.identifier)
  if (dryRun) {
    if (receipt.erases === null) return [`nothing is known of ${name}`]
    return [
      'would be erased, with everything known of it:',
      ...describePerson(fieldsOf(receipt.erases)),
    ]
  }
  const { erases, eraseId, requestedAt, effectiveAt, expungedAt } = receipt
  const all = Array.isArray(erases) && erases.length > 0 ? erases.map(String).join(', ') : name
  const later = now ? 'not yet' : 'within a day, or with --now'
  return [
    `erased: ${all}`,
    `  erase      ${textOf(eraseId)}`,
    `  requested  ${textOf(requestedAt ?? 'is in the log')}`,
    `  effective  ${textOf(effectiveAt ?? 'within a second; wait for it with --wait')}`,
    `  expunged   ${textOf(expungedAt ?? later)}`,
  ]
}

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { personPath } from '../person-answer.ts'
import { printChunk, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface ConflictsOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addProfileConflicts(profile: Command, around: Surroundings): void {
  profile
    .command('conflicts')
    .description('links that join nobody, and why: of a person, or all')
    .argument('[identifier]', 'like crm:991 (default: of everybody)')
    .option('--json', 'print one JSON object a line')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (identifier: string | undefined, options: ConflictsOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const conflicts = identifier === undefined ? all(admin) : ofOne(identifier, admin)
      let count = 0
      for await (const conflict of conflicts) {
        count++
        const line = options.json ? JSON.stringify(conflict) : describeConflict(conflict)
        // Whoever reads may have seen enough.
        if (!(await printChunk(around.output, Buffer.from(`${line}\n`)))) return
      }
      if (count === 0 && !options.json) printLine(around.output, 'no link was refused')
    })
}

async function* ofOne(identifier: string, admin: AdminClient): AsyncGenerator<Fields> {
  yield* listOf(fieldsOf(await admin.get(personPath('/conflicts', identifier, {}))).conflicts)
}

/** There may be many: they are shown while they come. */
async function* all(admin: AdminClient): AsyncGenerator<Fields> {
  const input = Readable.from(await admin.stream('/v1/conflicts'))
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
      yield fieldsOf(JSON.parse(line))
  } catch (error) {
    throw new HalfsecondError('UNAVAILABLE', 'the list broke off: the node went away', {
      cause: error,
    })
  }
}

function describeConflict({ lower, upper, state, reason, at, since, ...sender }: Fields): string {
  const by = textOf(sender.source ?? sender.channel)
  const why = reason === undefined ? '' : `: ${textOf(reason)}`
  const told = `${textOf(since ?? at)}${by === '' ? '' : `, by ${by}`}`
  return `${textOf(lower)} = ${textOf(upper)} ${textOf(state)}${why} (${told})`
}

import { setTimeout as pause } from 'node:timers/promises'
import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl, Problem } from '../admin-client.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { personPath } from '../person-answer.ts'
import { describePerson } from '../person-texts.ts'
import { printJson, printLine } from '../print.ts'
import { type Surroundings, userOf } from '../surroundings.ts'

interface SplitOptions {
  readonly by?: string
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly adminUrl?: string
}

/** Reads show a split within a second; a cluster that is moving shards may take some more. */
const shownMs = 10_000
const lookMs = 50

export function addProfileSplit(profile: Command, around: Surroundings): void {
  profile
    .command('split')
    .description('drop the link between two identifiers, so that they are two persons')
    .argument('<a>', 'like anon:4hG8')
    .argument('<b>', 'like user:17')
    .option('--dry-run', 'only show the two persons as they would be')
    .option('--by <name>', 'who does it, for the audit (default: the user of this system)')
    .option('--json', 'print {dropped, dryRun, by, position?, persons, stillLinkedBy}')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (a: string, b: string, options: SplitOptions) => {
      const { dryRun = false } = options
      const by = options.by ?? userOf(around)
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const body = JSON.stringify({ a, b, by, dryRun })
      const answer = fieldsOf(await admin.post('/v1/profiles/split', 'application/json', body))
      if (!dryRun) await shown(answer, admin, around)
      if (options.json) printJson(around.output, answer)
      else for (const line of describeSplit(answer, dryRun)) printLine(around.output, line)
    })
}

/** Waits until the node that is asked shows what the answer says. */
async function shown(answer: Fields, admin: AdminClient, around: Surroundings): Promise<void> {
  const persons = listOf(answer.persons)
  const end = performance.now() + shownMs
  while (!(await areShown(persons, fieldsOf(answer.dropped), admin))) {
    if (performance.now() > end || around.stopping.aborted)
      throw new HalfsecondError(
        'TIMEOUT',
        'the split is in the log, and not to be seen yet: look again with halfsecond profile get',
      )
    await pause(lookMs, undefined, { signal: around.stopping }).catch(() => undefined)
  }
}

async function areShown(
  persons: readonly Fields[],
  { lower, upper }: Fields,
  admin: AdminClient,
): Promise<boolean> {
  const isApart = persons.length > 1
  for (const { root } of persons) {
    const { identifiers, links } = await linksNow(textOf(root), admin)
    if (listOf(links).some((link) => link.lower === lower && link.upper === upper)) return false
    const names = Array.isArray(identifiers) ? identifiers : []
    if (isApart && names.includes(lower) && names.includes(upper)) return false
  }
  return true
}

/** Whoever brought nothing is unknown once nobody is linked to it. */
async function linksNow(name: string, admin: AdminClient): Promise<Fields> {
  try {
    return fieldsOf(await admin.get(linksPath(name)))
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.details.status === 404) return {}
    throw thrown
  }
}

/** Of a name as people read it: `anon:4hG8 #2` is the epoch 2 of a device. */
function linksPath(name: string): string {
  const [, identifier, epoch] = /^(.*) #(\d+)$/s.exec(name) ?? []
  return personPath('/links', identifier ?? name, epoch === undefined ? {} : { epoch })
}

function describeSplit(answer: Fields, dryRun: boolean): string[] {
  const { lower, upper } = fieldsOf(answer.dropped)
  const verb = dryRun ? 'would be dropped' : 'is dropped'
  const others = listOf(answer.stillLinkedBy)
  const heading = `the link of ${textOf(lower)} and ${textOf(upper)} ${verb}`
  const still = others.map((link) => `${textOf(link.lower)} ${textOf(link.upper)}`).join(', ')
  return [
    others.length === 0
      ? `${heading}; ${dryRun ? 'they would be' : 'they are'} two persons:`
      : `${heading}; they stay one person by way of ${still}:`,
    ...listOf(answer.persons).flatMap(describePerson),
  ]
}

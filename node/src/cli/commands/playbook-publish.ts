import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { Exit, exitCodes } from '../failure.ts'
import { textOf } from '../fields.ts'
import { checkPlaybook, describeFaults, readText } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import { describePublication } from '../publication-texts.ts'
import { sendText } from '../send-text.ts'
import { type Surroundings, userOf } from '../surroundings.ts'

export interface PublicationOptions {
  readonly dryRun?: boolean
  readonly force?: boolean
  readonly by?: string
  readonly note?: string
  readonly adminUrl?: string
  readonly json?: boolean
}

export function addPlaybookPublish(playbook: Command, around: Surroundings): void {
  const command = playbook
    .command('publish')
    .description(
      'make a playbook the one that decides, on every shard; it is refused where its own tests fail, or where much more default content would be shown on the last 1,000 timelines',
    )
    .argument('<file>', 'the playbook; - reads standard input')
    .option('--no-trial', 'do not try it on timelines first')
  withPublicationOptions(command).action(
    async (file: string, options: PublicationOptions & { readonly trial: boolean }) => {
      const text = await readText(file, around.input)
      const checked = checkPlaybook(text)
      if (checked.faults) {
        around.notes.write(`${describeFaults(file, checked.faults)}; not published\n`)
        throw new Exit(exitCodes.failed)
      }
      const query = queryOf(options, around)
      if (!options.trial) query.set('trial', 'false')
      await send(file, text, `/v1/playbook?${query}`, options, around)
    },
  )
}

/** What publishing and going back have in common. */
export function withPublicationOptions(command: Command): Command {
  return command
    .option('--dry-run', 'tell what changes, what the tests and the trial say; publish nothing')
    .option('--force', 'publish it although its tests fail or there are objections')
    .option('--by <name>', 'who does it, kept with the version (default: the user of this system)')
    .option('--note <text>', 'why, kept with the version')
    .option('--admin-url <url>', 'admin port of any node')
    .option(
      '--json',
      'print {version, hash, name, isDry, changes, warnings, failures, trial?, risks, objections, lacking}',
    )
}

export function queryOf(options: PublicationOptions, around: Surroundings): URLSearchParams {
  const { dryRun, force, by, note } = options
  return new URLSearchParams({
    by: by ?? userOf(around),
    ...(note !== undefined && { note }),
    ...(force && { force: 'true' }),
    ...(dryRun && { dryRun: 'true' }),
  })
}

/** Publishes, and tells what came of it. */
export async function send(
  file: string,
  text: string,
  path: string,
  { json, adminUrl: option, dryRun }: PublicationOptions,
  around: Surroundings,
): Promise<void> {
  const admin = new AdminClient(adminUrl(option, around))
  if (around.isTerminal) around.notes.write('checking it, and trying it on the last timelines …\n')
  const published = await sendText({ file, text, path, refusal: 'not published' }, admin, around)
  if (json) printJson(around.output, published)
  else {
    for (const line of describePublication(file, published)) printLine(around.output, line)
    const { name, version, objections } = published
    const isRefused = Array.isArray(objections) && objections.length > 0
    const would = isRefused ? 'it would be refused without --force' : 'it would be published'
    printLine(
      around.output,
      dryRun
        ? `${textOf(name)}: ${would}; nothing was`
        : `${textOf(name)} decides from now on, as version ${textOf(version)}`,
    )
  }
}

import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import { describeVersion } from '../publication-texts.ts'
import type { Surroundings } from '../surroundings.ts'

interface LogOptions {
  readonly adminUrl?: string
  readonly json?: boolean
}

export function addPlaybookLog(playbook: Command, around: Surroundings): void {
  playbook
    .command('log')
    .description('the newest 50 versions, latest first: who, when, why, and what changed')
    .option('--admin-url <url>', 'admin port of any node')
    .option('--json', 'print {versions: [{version, hash, name, at, by, note, changes, trial, …}]}')
    .action(async (options: LogOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const log = fieldsOf(await admin.get('/v1/playbook/versions'))
      if (options.json) {
        printJson(around.output, log)
        return
      }
      for (const one of listOf(log.versions))
        for (const line of describeVersion(one)) printLine(around.output, line)
    })
}

export function addPlaybookShow(playbook: Command, around: Surroundings): void {
  playbook
    .command('show')
    .description('print the text of a version')
    .argument('[version]', 'its number (default: the one that decides)')
    .option('--admin-url <url>', 'admin port of any node')
    .option('--json', 'print {version, hash, name, at, by, note, changes, trial, text}')
    .action(async (version: string | undefined, options: LogOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const shown = await versionAt(version, admin)
      if (options.json) printJson(around.output, shown)
      else around.output.write(endsInLine(textOf(shown.text)))
    })
}

/** A version with its text; undefined: the one that decides. */
export async function versionAt(version: string | undefined, admin: AdminClient): Promise<Fields> {
  if (version === undefined) return fieldsOf(await admin.get('/v1/playbook'))
  if (!isVersion(version))
    throw new HalfsecondError('INVALID', `"${version.slice(0, 64)}" is no number of a version`)
  return fieldsOf(await admin.get(`/v1/playbook/versions/${version}`))
}

export function isVersion(text: string): boolean {
  return /^[1-9][0-9]{0,14}$/.test(text)
}

function endsInLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}

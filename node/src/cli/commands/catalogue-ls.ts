import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

interface LsOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addCatalogueLs(catalogue: Command, around: Surroundings): void {
  catalogue
    .command('ls')
    .description('the versions of a catalogue, newest first')
    .argument('<name>', 'the catalogue, as playbooks call it')
    .option('--json', 'print [{version, hash, items, at, by}]')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (name: string, options: LsOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const answer = await admin.get(`/v1/catalogues/${encodeURIComponent(name)}`)
      const versions = listOf(fieldsOf(answer).versions)
      if (options.json) printJson(around.output, versions)
      else if (versions.length === 0) printLine(around.output, `no version of ${name} yet`)
      else
        for (const line of tableOf([heading, ...versions.map(rowOf)]))
          printLine(around.output, line)
    })
}

const heading = ['version', 'items', 'imported', 'by', 'hash']

function rowOf({ version, items, at, by, hash }: Fields): string[] {
  const imported = typeof at === 'number' ? new Date(at).toISOString() : ''
  return [textOf(version), textOf(items), imported, textOf(by), textOf(hash).slice(0, 12)]
}

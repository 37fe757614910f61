import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { Exit, exitCodes } from '../failure.ts'
import { fieldsOf, textOf } from '../fields.ts'
import { checkPlaybook, describeFaults, describePlaybook, readText } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface PublishOptions {
  readonly dryRun?: boolean
  readonly adminUrl?: string
  readonly json?: boolean
}

export function addPlaybookPublish(playbook: Command, around: Surroundings): void {
  playbook
    .command('publish')
    .description('make a playbook the one that decides, on every shard')
    .argument('<file>', 'the playbook; - reads standard input')
    .option('--dry-run', 'only check it')
    .option('--admin-url <url>', 'admin port of a node')
    .option('--json', 'print {version, hash, name}; in a dry run {ok, name}')
    .action(async (file: string, options: PublishOptions) => {
      const source = await readText(file, around.input)
      const checked = checkPlaybook(source)
      if (checked.faults) {
        around.notes.write(`${describeFaults(file, checked.faults)}; not published\n`)
        throw new Exit(exitCodes.failed)
      }
      const { playbook: compiled } = checked
      if (options.dryRun) {
        if (options.json) printJson(around.output, { ok: true, name: compiled.name })
        else printLine(around.output, `${file}: good; ${describePlaybook(compiled)}; not published`)
        return
      }
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      // A type that both forms have: JSON is YAML.
      const published = fieldsOf(await admin.post('/v1/playbook', 'application/yaml', source))
      if (options.json) printJson(around.output, published)
      else {
        const { name, version } = published
        printLine(
          around.output,
          `${textOf(name)} decides from now on, as version ${textOf(version)}`,
        )
      }
    })
}

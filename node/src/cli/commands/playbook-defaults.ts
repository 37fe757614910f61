import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { defaultsOf } from '../../core/decision/playbook.ts'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { Exit, exitCodes } from '../failure.ts'
import { checkPlaybook, describeFaults, readText } from '../playbook-file.ts'
import type { Surroundings } from '../surroundings.ts'

interface DefaultsOptions {
  readonly fromNode?: boolean
  readonly adminUrl?: string
}

export function addPlaybookDefaults(playbook: Command, around: Surroundings): void {
  playbook
    .command('defaults')
    .description('print the defaults file for channel servers: what to show where no answer comes')
    .argument('[file]', 'the playbook; - reads standard input')
    .option('--from-node', 'of the playbook that decides now')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (file: string | undefined, options: DefaultsOptions) => {
      const defaults = await defaultsFrom(file, options, around)
      around.output.write(`${JSON.stringify(defaults, null, 2)}\n`)
    })
}

async function defaultsFrom(
  file: string | undefined,
  options: DefaultsOptions,
  around: Surroundings,
): Promise<unknown> {
  if ((file === undefined) !== (options.fromNode === true)) {
    throw new HalfsecondError('INVALID', 'name either a playbook file or --from-node')
  }
  if (file === undefined) {
    const admin = new AdminClient(adminUrl(options.adminUrl, around))
    return admin.get('/v1/playbook/defaults')
  }
  const checked = checkPlaybook(await readText(file, around.input))
  if (checked.playbook) return defaultsOf(checked.playbook)
  around.notes.write(`${describeFaults(file, checked.faults)}\n`)
  throw new Exit(exitCodes.failed)
}

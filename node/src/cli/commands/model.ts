import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { fieldsOf, listOf } from '../fields.ts'
import { describeModel, describeModels } from '../model-texts.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { isVersion } from './playbook-log.ts'

interface ModelOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addModelLs(model: Command, around: Surroundings): void {
  model
    .command('ls')
    .description('the newest 20 versions, latest first')
    .option('--json', 'print {models: [{version, publishedAt, at, playbook, placements, …}]}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: ModelOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const answer = fieldsOf(await admin.get('/v1/models'))
      const models = listOf(answer.models)
      if (options.json) printJson(around.output, answer)
      else if (models.length === 0) printLine(around.output, 'nothing was learnt yet')
      else for (const line of describeModels(models)) printLine(around.output, line)
    })
}

export function addModelShow(model: Command, around: Surroundings): void {
  model
    .command('show')
    .description('what a version says: of each arm in each bucket its rate, and how often it wins')
    .argument('[version]', 'its number (default: the newest)')
    .option('--placement <name>', 'of this placement only')
    .option('--json', 'print {version, publishedAt, at, playbook, placements: [{placement, …}]}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(
      async (
        version: string | undefined,
        { placement, ...options }: ModelOptions & { readonly placement?: string },
      ) => {
        if (version !== undefined && !isVersion(version))
          throw new HalfsecondError(
            'INVALID',
            `"${version.slice(0, 64)}" is no number of a version`,
          )
        const query = new URLSearchParams()
        if (version !== undefined) query.set('version', version)
        if (placement !== undefined) query.set('placement', placement)
        const admin = new AdminClient(adminUrl(options.adminUrl, around))
        const shown = fieldsOf(await admin.get(`/v1/model?${query}`))
        if (options.json) printJson(around.output, shown)
        else for (const line of describeModel(shown)) printLine(around.output, line)
      },
    )
}

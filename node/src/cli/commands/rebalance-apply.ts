import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { printJson, printLine } from '../print.ts'
import { untilDone } from '../progress.ts'
import type { Surroundings } from '../surroundings.ts'
import { getPlan } from './rebalance-plan.ts'

interface ApplyOptions {
  readonly dryRun?: boolean
  readonly wait?: boolean
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addRebalanceApply(rebalance: Command, around: Surroundings): void {
  rebalance
    .command('apply')
    .description('let shards move for balance, and wait until all that is planned is done')
    .option('--dry-run', 'only say how much would move')
    .option('--no-wait', 'end when it is agreed, not when it is done')
    .option('--json', 'print {isPaused, left}; in a dry run {planned}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: ApplyOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      if (options.dryRun) {
        const planned = await getPlan(admin)
        if (options.json) printJson(around.output, { planned })
        else printLine(around.output, `${planned.length} changes would follow`)
        return
      }
      await admin.post('/v1/cluster/rebalance/apply', 'application/json', '{}')
      let left = (await getPlan(admin)).length
      if (options.wait !== false)
        await untilDone(async () => {
          left = (await getPlan(admin)).length
          return { text: `${left} changes left`, isDone: left === 0 }
        }, around)
      if (options.json) printJson(around.output, { isPaused: false, left })
      else printLine(around.output, left === 0 ? 'balanced' : `agreed; ${left} changes follow`)
    })
}

export function addRebalanceCancel(rebalance: Command, around: Surroundings): void {
  rebalance
    .command('cancel')
    .description('stop moving shards for balance, and forget the moves that were asked for')
    .option('--dry-run', 'only say what would not move any more')
    .option('--json', 'print {isPaused}; in a dry run {planned}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: ApplyOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      if (options.dryRun) {
        const planned = await getPlan(admin)
        if (options.json) printJson(around.output, { planned })
        else printLine(around.output, `${planned.length} planned changes would not be made`)
        return
      }
      const answer = await admin.post('/v1/cluster/rebalance/cancel', 'application/json', '{}')
      if (options.json) printJson(around.output, answer)
      else
        printLine(
          around.output,
          'nothing moves for balance any more; failing over and replacing lost replicas go on',
        )
    })
}

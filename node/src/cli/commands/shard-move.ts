import { HalfsecondError, printable } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { getCluster, shardIn } from '../cluster-answer.ts'
import { listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import { type Progress, untilDone } from '../progress.ts'
import type { Surroundings } from '../surroundings.ts'

interface MoveOptions {
  readonly to: string
  readonly dryRun?: boolean
  readonly wait?: boolean
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addShardMove(shard: Command, around: Surroundings): void {
  shard
    .command('move')
    .description('let a node lead a shard, until halfsecond rebalance cancel')
    .argument('<shard>', 'its number')
    .requiredOption('--to <node>', 'the node that shall lead it')
    .option('--dry-run', 'only look whether it is possible')
    .option('--no-wait', 'end when it is agreed, not when it is done')
    .option('--json', 'print {shard, to, dryRun}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (number: string, options: MoveOptions) => {
      const { to, dryRun = false } = options
      if (!/^\d{1,3}$/.test(number))
        throw new HalfsecondError('INVALID', `a shard is a number, not "${printable(number)}"`)
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const body = JSON.stringify({ to, dryRun })
      const path = `/v1/cluster/shards/${number}/move`
      const answer = await admin.post(path, 'application/json', body)
      const isWatched = !dryRun && options.wait !== false
      if (isWatched) await untilDone(() => progressOf(number, to, admin), around)
      if (options.json) printJson(around.output, answer)
      else if (dryRun) printLine(around.output, `shard ${number} would be led by ${to}`)
      else
        printLine(
          around.output,
          isWatched
            ? `${to} leads shard ${number}`
            : `agreed: ${to} shall lead shard ${number}; look with halfsecond shard show ${number}`,
        )
    })
}

async function progressOf(number: string, to: string, admin: AdminClient): Promise<Progress> {
  const { primary, replicas } = shardIn(await getCluster(admin), number)
  const there = listOf(replicas).find(({ node }) => node === to)
  const state = there === undefined ? 'has no replica yet' : `is ${textOf(there.status)}`
  const isDone = primary === to
  return { text: `shard ${number}: ${textOf(primary)} leads, ${to} ${state}`, isDone }
}

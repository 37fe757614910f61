import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { getCluster, shardIn } from '../cluster-answer.ts'
import { roomText } from '../cluster-texts.ts'
import { type Fields, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

interface ShowOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addShardShow(shard: Command, around: Surroundings): void {
  shard
    .command('show')
    .description('one shard and each of its replicas')
    .argument('<shard>', 'its number')
    .option('--json', 'print {shard, primary, standbys, warming, epoch, hot, replicas, log?}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (number: string, options: ShowOptions) => {
      const cluster = await getCluster(new AdminClient(adminUrl(options.adminUrl, around)))
      const found = shardIn(cluster, number)
      if (options.json) printJson(around.output, found)
      else for (const line of describeShard(found)) printLine(around.output, line)
    })
}

const heading = ['NODE', 'ROLE', 'STATUS', 'FOLDED', 'BEHIND', 'ON DISK', 'FACTS']

function describeShard({ shard, primary, epoch, replicas, log }: Fields): string[] {
  const rows = listOf(replicas).map((one) => [
    textOf(one.node),
    textOf(one.role),
    statusText(one.status),
    textOf(one.applied ?? '-'),
    textOf(one.lag ?? '-'),
    textOf(one.flushed ?? '-'),
    factsText(one.digest),
  ])
  return [
    `shard ${textOf(shard)}: ${textOf(primary)} leads in epoch ${textOf(epoch)}; log ${roomText(log)}`,
    ...tableOf([heading, ...rows]).map((line) => `  ${line}`),
  ]
}

function statusText(status: unknown): string {
  return status === 'hot' ? 'caught up' : textOf(status)
}

/** Whether replicas that folded the same entries have the same facts. */
function factsText(digest: unknown): string {
  if (digest === 'agreed') return 'same as others'
  return digest === 'suspect' ? 'DIFFERENT' : 'not compared yet'
}

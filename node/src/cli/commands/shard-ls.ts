import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { getCluster, numberOf } from '../cluster-answer.ts'
import { alarmsOf, roomText } from '../cluster-texts.ts'
import { type Fields, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

interface LsOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addShardLs(shard: Command, around: Surroundings): void {
  shard
    .command('ls')
    .description('all shards: who leads, who stands by, who is behind, how full the log is')
    .option('--json', 'print a list of {shard, primary, standbys, warming, hot, replicas, log?}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: LsOptions) => {
      const cluster = await getCluster(new AdminClient(adminUrl(options.adminUrl, around)))
      if (options.json) {
        printJson(around.output, cluster.shards)
        return
      }
      for (const line of tableOf([heading, ...cluster.shards.map(cellsOf)]))
        printLine(around.output, line)
      for (const alarm of alarmsOf(cluster)) printLine(around.output, `! ${alarm}`)
    })
}

const heading = ['SHARD', 'LEADS', 'STANDS BY', 'FILLS', 'CAUGHT UP', 'BEHIND', 'LOG']

function cellsOf({ shard, primary, standbys, warming, hot, replicas, log }: Fields): string[] {
  const lags = listOf(replicas).map(({ lag }) => numberOf(lag))
  return [
    textOf(shard),
    textOf(primary),
    namesIn(standbys),
    namesIn(warming),
    textOf(hot),
    textOf(Math.max(0, ...lags)),
    roomText(log),
  ]
}

export function namesIn(value: unknown): string {
  const names: unknown[] = Array.isArray(value) ? value : []
  return names.length === 0 ? '-' : names.map(textOf).join(', ')
}

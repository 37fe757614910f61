import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { getCluster } from '../cluster-answer.ts'
import { alarmsOf } from '../cluster-texts.ts'
import { type Fields, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

interface LsOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addNodeLs(node: Command, around: Surroundings): void {
  node
    .command('ls')
    .description('the nodes of the cluster, and how many shards each has')
    .option('--json', 'print a list of {id, intent, state, primaries, standbys, warming, …}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: LsOptions) => {
      const cluster = await getCluster(new AdminClient(adminUrl(options.adminUrl, around)))
      if (options.json) {
        printJson(around.output, cluster.nodes)
        return
      }
      for (const line of tableOf([heading, ...cluster.nodes.map(cellsOf)]))
        printLine(around.output, line)
      for (const alarm of alarmsOf(cluster)) printLine(around.output, `! ${alarm}`)
    })
}

const heading = ['NODE', 'STATE', 'LEADS', 'STANDS BY', 'FILLS', 'LOOP', 'MAP', 'HOST', 'ZONE']

function cellsOf(node: Fields): string[] {
  const { id, primaries, standbys, warming, loopDelayMs, epoch, host, zone } = node
  return [
    `${textOf(id)}${node.isCoordinator === true ? '*' : ''}`,
    stateOf(node),
    textOf(primaries),
    textOf(standbys),
    textOf(warming),
    loopDelayMs === undefined ? '-' : `${textOf(loopDelayMs)} ms`,
    epoch === undefined ? '-' : textOf(epoch),
    textOf(host),
    textOf(zone),
  ]
}

/** What an operator wants of it, and whether it is there. */
export function stateOf({ state, intent }: Fields): string {
  const there = state === 'up' ? 'up' : 'AWAY'
  if (intent === 'serve') return there
  return `${there}, ${intent === 'drain' ? 'drained' : 'decommissioned'}`
}

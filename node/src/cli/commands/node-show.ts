import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type ClusterAnswer, getCluster, nodeIn } from '../cluster-answer.ts'
import { type Fields, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { stateOf } from './node-ls.ts'

interface ShowOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addNodeShow(node: Command, around: Surroundings): void {
  node
    .command('show')
    .description('one node, and the shards that it has')
    .argument('<node>', 'its id')
    .option('--json', 'print {id, intent, state, …, shards: [{shard, role, status, lag, …}]}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (id: string, options: ShowOptions) => {
      const cluster = await getCluster(new AdminClient(adminUrl(options.adminUrl, around)))
      const found = nodeIn(cluster, id)
      const shards = replicasOn(cluster, id)
      if (options.json) printJson(around.output, { ...found, shards })
      else for (const line of describeNode(found, shards)) printLine(around.output, line)
    })
}

function replicasOn({ shards }: ClusterAnswer, id: string): Fields[] {
  return shards.flatMap(({ shard, replicas }) =>
    listOf(replicas)
      .filter((one) => one.node === id)
      .map(({ node: _, ...one }) => ({ shard, ...one })),
  )
}

function describeNode(node: Fields, shards: readonly Fields[]): string[] {
  const { id, host, zone, weight, loopDelayMs, epoch, silentMs, foldVersion } = node
  const numbers = (role: string) => {
    const those = shards.filter((one) => one.role === role)
    const list = those.map(({ shard }) => textOf(shard)).join(', ')
    return those.length === 0 ? 'none' : `${those.length}: ${list}`
  }
  const behind = shards.filter(({ status }) => status !== 'hot')
  return [
    `${textOf(id)}: ${stateOf(node)}${node.isCoordinator === true ? ', coordinates' : ''}`,
    `  place      host ${textOf(host)}${zone === '' ? '' : `, zone ${textOf(zone)}`}, weight ${textOf(weight)}`,
    `  last sign  ${silentMs === undefined ? 'never' : `${textOf(silentMs)} ms ago`}, event loop ${textOf(loopDelayMs ?? '-')} ms late`,
    `  map        epoch ${textOf(epoch ?? '-')}, knows the rules of folding up to ${textOf(foldVersion)}`,
    `  leads      ${numbers('primary')}`,
    `  stands by  ${numbers('standby')}`,
    `  fills      ${numbers('warming')}`,
    ...behind.map(
      ({ shard, status, lag }) =>
        `  ! shard ${textOf(shard)} is ${textOf(status)}${lag === undefined ? '' : `, ${textOf(lag)} entries behind`}`,
    ),
  ]
}

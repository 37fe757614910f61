import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type ClusterAnswer, getCluster } from '../cluster-answer.ts'
import { alarmsOf, logText } from '../cluster-texts.ts'
import { Exit, exitCodes } from '../failure.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface StatusOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addStatus(program: Command, around: Surroundings): void {
  program
    .command('status')
    .description('how a node and its cluster are; the exit code is 1 where the node is not ready')
    .option('--json', 'print {node, health, playbook?, map, replicas, uptimeSeconds, cluster}')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (options: StatusOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const status = fieldsOf(await admin.get('/v1/status'))
      const cluster = await getCluster(admin)
      if (options.json) printJson(around.output, { ...status, cluster: cluster.all })
      else
        for (const line of [...describeStatus(status), ...describeCluster(cluster)])
          printLine(around.output, line)
      if (fieldsOf(status.health).ready !== true) throw new Exit(exitCodes.failed)
    })
}

export function describeStatus(status: Fields): string[] {
  const health = fieldsOf(status.health)
  const shards = fieldsOf(health.shards)
  const map = fieldsOf(status.map)
  const playbook = status.playbook === undefined ? undefined : fieldsOf(status.playbook)
  const problems: unknown[] = Array.isArray(health.problems) ? health.problems : []
  const nodes: unknown[] = Array.isArray(map.nodes) ? map.nodes : []
  const { total, following, fresh } = shards
  return [
    `${textOf(status.node)}: ${health.ready === true ? 'ready' : 'NOT ready'}, up ${textOf(status.uptimeSeconds)} s`,
    ...problems.map((problem) => `  ! ${textOf(problem)}`),
    `  shards    ${textOf(total)}: ${textOf(following)} following the log, ${textOf(fresh)} fresh`,
    `  log       ${health.logReachable === true ? 'reachable' : 'not reachable'}`,
    `  playbook  ${playbook === undefined ? 'none: publish one with halfsecond playbook publish FILE' : `${textOf(playbook.name)}, version ${textOf(playbook.version)}`}`,
    `  map       epoch ${textOf(map.epoch)}, nodes ${nodes.map(textOf).join(', ')}`,
  ]
}

function describeCluster(cluster: ClusterAnswer): string[] {
  const { all, nodes, redundancy, rebalance, shards } = cluster
  const { wanted, full, reduced, none } = redundancy
  const up = nodes.filter(({ state }) => state === 'up').length
  const hot = `${textOf(full)} of ${shards.length} shards have ${textOf(wanted)} caught-up ${wanted === 1 ? 'replica' : 'replicas'}`
  const less = `${textOf(reduced)} fewer, ${textOf(none)} NONE`
  const isWhole = full === shards.length
  const wishes = listOf(rebalance.moves).length
  return [
    `cluster: ${up} of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} up, ${textOf(all.coordinator ?? 'nobody')} coordinates`,
    ...alarmsOf(cluster).map((alarm) => `  ! ${alarm}`),
    `  redundancy  ${hot}${isWhole ? '' : `; ${less}`}`,
    `  logs        ${logText(cluster)}`,
    `  moves       ${textOf(rebalance.copies)} replicas being filled, ${wishes} asked for${rebalance.isPaused === true ? '; balance is PAUSED' : ''}`,
  ]
}

import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type ClusterAnswer, getCluster, nodeIn, numberOf } from '../cluster-answer.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import { type Progress, untilDone } from '../progress.ts'
import type { Surroundings } from '../surroundings.ts'

interface LeaveOptions {
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly wait?: boolean
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addNodeDrain(node: Command, around: Surroundings): void {
  leaving(node, 'drain')
    .description('let others lead what a node leads, as before a restart; it keeps its replicas')
    .action((id: string, options: LeaveOptions) => leave('drain', id, options, around))
}

export function addNodeDecommission(node: Command, around: Surroundings): void {
  leaving(node, 'decommission')
    .description('move everything away from a node, for good; it can be stopped when this ends')
    .action((id: string, options: LeaveOptions) => leave('decommission', id, options, around))
}

export function addNodeUndrain(node: Command, around: Surroundings): void {
  node
    .command('undrain')
    .description('take a node back that was drained or decommissioned')
    .argument('<node>', 'its id')
    .option('--dry-run', 'only look whether it is possible')
    .option('--json', 'print {node, intent, dryRun}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (id: string, options: LeaveOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const answer = await act(admin, id, 'undrain', options)
      if (options.json) printJson(around.output, answer)
      else printLine(around.output, `${id} ${options.dryRun ? 'would take' : 'takes'} shards again`)
    })
}

type Action = 'drain' | 'decommission'

function leaving(node: Command, action: Action): Command {
  return node
    .command(action)
    .argument('<node>', 'its id')
    .option('--force', 'also while there are too few replicas, or another node leaves')
    .option('--dry-run', 'only say what would move, and whether it is refused')
    .option('--no-wait', 'end when it is agreed, not when it is done')
    .option('--json', 'print {node, intent, dryRun, left}: shards that it still has')
    .option('--admin-url <url>', 'admin port of any node')
}

async function leave(action: Action, id: string, options: LeaveOptions, around: Surroundings) {
  const admin = new AdminClient(adminUrl(options.adminUrl, around))
  const answer = await act(admin, id, action, options)
  if (!options.dryRun && options.wait !== false)
    await untilDone(async () => progressOf(action, id, await getCluster(admin)), around)
  const cluster = await getCluster(admin)
  const left = leftOf(action, id, cluster)
  if (options.json) printJson(around.output, { ...answer, left })
  else if (options.dryRun) printLine(around.output, describePlan(action, id, cluster))
  else printLine(around.output, describeEnd(action, id, left))
}

async function act(
  admin: AdminClient,
  id: string,
  action: Action | 'undrain',
  { force = false, dryRun = false }: LeaveOptions,
): Promise<Fields> {
  const path = `/v1/cluster/nodes/${encodeURIComponent(id)}/${action}`
  return fieldsOf(await admin.post(path, 'application/json', JSON.stringify({ force, dryRun })))
}

/** Shards that the node must still get rid of. */
function leftOf(action: Action, id: string, { nodes }: ClusterAnswer): number {
  const node = nodes.find((one) => one.id === id)
  if (node === undefined) return 0
  const { primaries, standbys, warming } = node
  return action === 'drain'
    ? numberOf(primaries)
    : numberOf(primaries) + numberOf(standbys) + numberOf(warming)
}

function progressOf(action: Action, id: string, cluster: ClusterAnswer): Progress {
  const left = leftOf(action, id, cluster)
  const stuck = left === 0 ? '' : waitingFor(id, cluster)
  return { text: `${id}: ${shards(left)} left${stuck}`, isDone: left === 0 }
}

/** Shards that cannot leave yet: no other node has all of them. */
function waitingFor(id: string, cluster: ClusterAnswer): string {
  const alone = cluster.shards.filter(
    ({ replicas, primary }) => primary === id && !hasOther(replicas, id),
  )
  return alone.length === 0 ? '' : `, ${alone.length} wait until another node has caught up`
}

function hasOther(replicas: unknown, id: string): boolean {
  return listOf(replicas).some(({ node, status }) => node !== id && status === 'hot')
}

function describePlan(action: Action, id: string, cluster: ClusterAnswer): string {
  const node = nodeIn(cluster, id)
  const primaries = shards(numberOf(node.primaries))
  const replicas = shards(numberOf(node.standbys) + numberOf(node.warming))
  return action === 'drain'
    ? `${id} would be drained: ${primaries} would be led by others; it would keep its replicas`
    : `${id} would be decommissioned: ${primaries} would be led by others, replicas of ${replicas} made elsewhere`
}

function describeEnd(action: Action, id: string, left: number): string {
  if (left > 0) return `${id}: agreed; ${shards(left)} left; look with halfsecond node show ${id}`
  return action === 'drain'
    ? `${id} leads nothing and can be restarted; it serves again by itself then, or with halfsecond node undrain ${id}`
    : `${id} holds nothing and can be stopped for good`
}

function shards(count: number): string {
  return `${textOf(count)} ${count === 1 ? 'shard' : 'shards'}`
}

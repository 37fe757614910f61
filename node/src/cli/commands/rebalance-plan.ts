import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { getCluster } from '../cluster-answer.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface PlanOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addRebalancePlan(rebalance: Command, around: Surroundings): void {
  rebalance
    .command('plan')
    .description('what is going to move, and why, where nothing is paused')
    .option('--json', 'print a list of {shard, what, from, to, why}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: PlanOptions) => {
      const moves = await getPlan(new AdminClient(adminUrl(options.adminUrl, around)))
      if (options.json) printJson(around.output, moves)
      else if (moves.length === 0) printLine(around.output, 'nothing is to move')
      else for (const move of moves) printLine(around.output, describeMove(move))
    })
}

export function addRebalanceStatus(rebalance: Command, around: Surroundings): void {
  rebalance
    .command('status')
    .description('whether shards move for balance, what was asked for, and what is under way')
    .option('--json', 'print {isPaused, moves, copies, planned}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: PlanOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const { rebalance: state } = await getCluster(admin)
      const planned = await getPlan(admin)
      if (options.json) printJson(around.output, { ...state, planned })
      else for (const line of describeState(state, planned)) printLine(around.output, line)
    })
}

export async function getPlan(admin: AdminClient): Promise<readonly Fields[]> {
  return listOf(fieldsOf(await admin.get('/v1/cluster/rebalance/plan')).moves)
}

function describeState(state: Fields, planned: readonly Fields[]): string[] {
  const wishes = listOf(state.moves)
  return [
    state.isPaused === true
      ? 'paused: nothing moves for balance; start with halfsecond rebalance apply'
      : 'shards move for balance by themselves; stop with halfsecond rebalance cancel',
    ...wishes.map(({ shard, to }) => `  asked for: shard ${textOf(shard)} led by ${textOf(to)}`),
    `  being filled: ${textOf(state.copies)} replicas`,
    `  still to come: ${planned.length === 0 ? 'nothing' : `${planned.length} changes; see halfsecond rebalance plan`}`,
  ]
}

function describeMove({ shard, what, from, to, why }: Fields): string {
  const change =
    what === 'lead'
      ? `led by ${textOf(to)} instead of ${textOf(from)}`
      : what === 'copy'
        ? `copied to ${textOf(to)}`
        : `removed from ${textOf(from)}`
  return `shard ${textOf(shard)} ${change}: ${textOf(why)}`
}

import { HalfsecondError, printable, withoutCredentials } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { settings } from '../../config.ts'
import { printLine } from '../print.ts'
import { runProcesses } from '../processes.ts'
import { configOf, type ServeOptions, serve, stop, untilStopped } from '../serve.ts'
import type { Surroundings } from '../surroundings.ts'

/** @returns the command, for those about the nodes of a cluster */
export function addNode(program: Command, around: Surroundings): Command {
  return program
    .command('node')
    .description(
      'run a node of a cluster on NATS, named by HALFSECOND_NATS_URL; or see and change its nodes',
    )
    .helpCommand(false)
    .option('--data <folder>', 'where its store lies')
    .option('--port <port>', 'public port')
    .option('--admin-port <port>', 'admin port')
    .option('--processes <count>', 'run so many nodes, as a node uses one core; ports at + 10 each')
    .addHelpText('after', describeSettings())
    .action(async ({ processes, ...options }: ServeOptions & { processes?: string }) => {
      const natsUrl = around.env.HALFSECOND_NATS_URL || undefined
      if (natsUrl === undefined) {
        throw new HalfsecondError(
          'INVALID',
          'HALFSECOND_NATS_URL is not set: name the NATS servers of the cluster, like nats://127.0.0.1:4222; for a node without a server: halfsecond dev',
        )
      }
      if (processes !== undefined) {
        await runProcesses(countIn(processes), configOf(options, natsUrl, around), around)
        return
      }
      const { config, node } = await serve(options, natsUrl, around)
      try {
        printLine(around.output, `${config.nodeId} is ready on ${withoutCredentials(natsUrl)}`)
        printLine(around.output, `  public  ${node.url}`)
        printLine(around.output, `  admin   ${node.adminUrl}`)
        await untilStopped(around)
      } finally {
        await stop(node, around)
      }
    })
}

function countIn(text: string): number {
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0
  if (count >= 1) return count
  throw new HalfsecondError(
    'INVALID',
    `--processes is a number from 1 to 99, not "${printable(text)}"`,
  )
}

/** The settings of a node: one table for the code, this text and the docs. */
function describeSettings(): string {
  const width = Math.max(...Object.values(settings).map(({ name }) => name.length))
  const lines = Object.values(settings).map(
    ({ name, default: usual, range }) =>
      `  ${name.padEnd(width)}  ${range}\n  ${''.padEnd(width)}  (default: ${usual})`,
  )
  return ['', 'Settings of a node:', ...lines].join('\n')
}

import { HalfsecondError, withoutCredentials } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { settings } from '../../config.ts'
import { printLine } from '../print.ts'
import { type ServeOptions, serve, stop, untilStopped } from '../serve.ts'
import type { Surroundings } from '../surroundings.ts'

export function addNode(program: Command, around: Surroundings): void {
  program
    .command('node')
    .description('run a node of a cluster on NATS, named by HALFSECOND_NATS_URL')
    .option('--data <folder>', 'where its store lies')
    .option('--port <port>', 'public port')
    .option('--admin-port <port>', 'admin port')
    .addHelpText('after', describeSettings())
    .action(async (options: ServeOptions) => {
      const natsUrl = around.env.HALFSECOND_NATS_URL || undefined
      if (natsUrl === undefined) {
        throw new HalfsecondError(
          'INVALID',
          'HALFSECOND_NATS_URL is not set: name the NATS servers of the cluster, like nats://127.0.0.1:4222; for a node without a server: halfsecond dev',
        )
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

/** The settings of a node: one table for the code, this text and the docs. */
function describeSettings(): string {
  const width = Math.max(...Object.values(settings).map(({ name }) => name.length))
  const lines = Object.values(settings).map(
    ({ name, default: usual, range }) =>
      `  ${name.padEnd(width)}  ${range}\n  ${''.padEnd(width)}  (default: ${usual})`,
  )
  return ['', 'Settings of a node:', ...lines].join('\n')
}

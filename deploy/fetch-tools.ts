import { parseArgs } from 'node:util'
import { k6, natsServer, toolPath } from './tools.ts'

/*
 * Makes sure that nats-server and k6 are there, building what is not. With --optional it never
 * fails: it says what to install, and what needs them is skipped.
 */

const { values } = parseArgs({ options: { optional: { type: 'boolean', default: false } } })

for (const tool of [natsServer, k6]) {
  try {
    await toolPath(tool)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    if (!values.optional) process.exitCode = 1
  }
}

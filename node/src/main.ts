import { run } from './cli/program.ts'

/* The process: its arguments, streams and signals go to the command, the exit code comes back. */

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
  })
}
// A reader that has seen enough, like `head`, is no failure.
process.stdout.on('error', () => process.exit())

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  input: process.stdin,
  output: process.stdout,
  notes: process.stderr,
  isTerminal: process.stderr.isTTY,
  stopping: stopping.signal,
})

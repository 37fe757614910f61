import { parseArgs } from 'node:util'
import { runAccepts } from './accepts/run-accepts.ts'
import { Figures } from './lib/figures.ts'

const help = `npm run -s accepts -- [--json] [--trials N] [--shards N]

On a cluster of three nats-servers and three nodes, of which one after the other is killed with kill -9,
people accept offers on the web, and right after each the call centre asks what to offer them, by any of
their identifiers: it never is what they accepted.

  --json      one JSON object a line
  --trials N  acceptances, each with the answer right after it (100000)
  --shards N  shards of the cluster (16)
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    trials: { type: 'string', default: '100000' },
    shards: { type: 'string', default: '16' },
  },
})

if (values.help) process.stdout.write(help)
else {
  const figures = new Figures(values.json)
  await runAccepts(figures, Number(values.trials), Number(values.shards))
  process.exitCode = figures.allHold ? 0 : 1
}

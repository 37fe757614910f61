import { parseArgs } from 'node:util'
import { experiments } from './learning/experiments.ts'
import { models } from './learning/models.ts'
import { self } from './learning/self.ts'
import { shop } from './learning/shops.ts'
import { Figures } from './lib/figures.ts'

const help = `npm run -s learn -- [--json] [--only PART]… [--runs N] [--visitors N]

What learning and experiments promise, on simulated visitors, in this process but for models.

shop: a shop with drifting tastes, served by the learner: what it earned against the best constant offer
and against whoever knows all tastes; the same where tastes stay. self: in how many of 100 shops the
learner's own log says of another policy what that would have earned.

models: on a cluster of three nats-servers and three nodes, which are killed with kill -9 and drained one
after the other, whether each published version of a model is what follows from the logs.

experiments: in how many of 1,000 experiments without any difference somebody who looks after every person
would ever see one; and whether the arms of 1,000,000 visitors keep their promised shares.

  --json        one JSON object a line
  --only        run this part only; may be repeated
  --shops N     that learn from their visitors, of each kind (20)
  --weeks N     that each of them is open (8)
  --selves N    shops whose log is asked about other policies (100)
  --visits N    that such a log has (40000)
  --versions N  of models that are published meanwhile (12)
  --runs N      experiments without any difference, of each kind (1000)
  --visitors N  whose arms are counted (1000000)
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    shops: { type: 'string', default: '20' },
    weeks: { type: 'string', default: '8' },
    selves: { type: 'string', default: '100' },
    visits: { type: 'string', default: '40000' },
    versions: { type: 'string', default: '12' },
    runs: { type: 'string', default: '1000' },
    visitors: { type: 'string', default: '1000000' },
  },
})

const parts = { shop, self, experiments, models } as const

if (values.help) process.stdout.write(help)
else {
  const figures = new Figures(values.json)
  const run = {
    figures,
    shops: Number(values.shops),
    weeks: Number(values.weeks),
    selves: Number(values.selves),
    visits: Number(values.visits),
    versions: Number(values.versions),
    runs: Number(values.runs),
    visitors: Number(values.visitors),
  }
  for (const [name, part] of Object.entries(parts)) {
    if (values.only.length === 0 || values.only.includes(name)) await part(run)
  }
  process.exitCode = figures.allHold ? 0 : 1
}

import { parseArgs } from 'node:util'
import { reportOf, runMany } from '../node/test/simulation/run-many.ts'
import { Figures } from './lib/figures.ts'

const help = `npm run -s simulate -- [--json] [--schedules N] [--seed S]

Runs whole clusters in this process, on virtual time: nodes are killed and stand still, messages are
lost, doubled and late, logs lose entries, disks fill up. After each step everything that must hold
is looked at. What fails is printed with its seed and with the steps that it needs.

  --json         one JSON object a line
  --schedules N  how many (500)
  --seed S       of the first one; each next one has the next (1)
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    schedules: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
})

/** How often progress is told, in schedules. */
const progressEvery = 100

if (values.help) process.stdout.write(help)
else process.exitCode = (await simulate(Number(values.seed), Number(values.schedules))) ? 0 : 1

async function simulate(seed: number, schedules: number): Promise<boolean> {
  const figures = new Figures(values.json)
  const { found, coverage, servedAfterMs } = await runMany(seed, schedules, (done) => {
    if (done % progressEvery === 0) figures.note(`${done} of ${schedules} schedules`)
  })
  for (const one of found) figures.note(reportOf(one))
  const where = { seed, scenario: 'simulation' }
  figures.add({ figure: 'schedules', value: schedules, unit: '', with: where })
  figures.add({ figure: 'violations', value: found.length, unit: '', atMost: 0, with: where })
  const figure = 'simulated-primary-after-faults-max'
  figures.add({ figure, value: servedAfterMs, unit: 'ms', atMost: 3_000, with: where })
  // A state that few schedules reach is not reached by few of them.
  const atLeast = schedules >= 500 ? 1 : 0
  for (const [what, value] of coverage.all)
    figures.add({ figure: `simulated-${what}`, value, unit: '', atLeast, with: where })
  return figures.allHold
}

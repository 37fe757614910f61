import { parseArgs } from 'node:util'
import { runAccepts } from '../node/test/simulation/accepts.ts'
import {
  reportOf as identityReportOf,
  runHistories,
} from '../node/test/simulation/identity/run-history.ts'
import { reportOf, runMany } from '../node/test/simulation/run-many.ts'
import { Figures } from './lib/figures.ts'

const help = `npm run -s simulate -- [cluster|identity|accepts] [--json] [--schedules N] [--histories N] [--trials N] [--seed S]

cluster (the default) runs whole clusters in this process, on virtual time: nodes are killed and
stand still, messages are lost, doubled and late, logs lose entries, disks fill up. After each step
everything that must hold is looked at.

identity runs histories of a few people on four shards' logs: links, logins, splits, limits and
erases, while messages between shards are doubled, late and out of order, and primaries die. Whenever
everything has arrived it is compared with what follows from the links that hold. 100,000 histories
take two to four minutes.

accepts runs people of whole clusters who accept something on one channel, and asks on another right
after, by any of their identifiers and at any replica, what to show them: while they log in, nodes die,
stand still, lose the log and hand shards over. It never is what they accepted. 1,000,000 trials take
an hour or two.

What fails is printed with its seed and with the steps that it needs.

  --json         one JSON object a line
  --schedules N  how many of clusters (500)
  --histories N  how many of people (100000)
  --trials N     acceptances, each with the next decision (10000)
  --seed S       of the first one; each next one has the next (1)
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    schedules: { type: 'string', default: '500' },
    histories: { type: 'string', default: '100000' },
    trials: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  },
})

/** How often progress is told, in schedules and in histories. */
const schedulesPerNote = 100
const historiesPerNote = 10_000
const trialsPerNote = 10_000

const [what = 'cluster'] = positionals
const seed = Number(values.seed)
if (values.help) process.stdout.write(help)
else if (what === 'cluster') end(await simulateClusters(seed, Number(values.schedules)))
else if (what === 'identity') end(await simulateIdentity(seed, Number(values.histories)))
else if (what === 'accepts') end(await simulateAccepts(seed, Number(values.trials)))
else {
  process.stderr.write(`there is no simulation "${what}"\n${help}`)
  end(false)
}

function end(allHold: boolean): void {
  process.exitCode = allHold ? 0 : 1
}

async function simulateClusters(seed: number, schedules: number): Promise<boolean> {
  const figures = new Figures(values.json)
  const { found, coverage, servedAfterMs } = await runMany(seed, schedules, (done) => {
    if (done % schedulesPerNote === 0) figures.note(`${done} of ${schedules} schedules`)
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

async function simulateAccepts(seed: number, trials: number): Promise<boolean> {
  const figures = new Figures(values.json)
  let noted = 0
  const accepts = await runAccepts(seed, trials, (done) => {
    if (done - noted < trialsPerNote) return
    noted = done
    figures.note(`${done} of ${trials} trials`)
  })
  for (const one of accepts.violations) figures.note(one)
  const where = { seed, scenario: 'accepts' }
  const { confirmed, unanswered, stale, staleOffers, violations } = accepts
  figures.add({ figure: 'trials', value: accepts.trials, unit: '', with: where })
  figures.add({ figure: 'violations', value: violations.length, unit: '', atMost: 0, with: where })
  figures.add({ figure: 'accepts-confirmed', value: confirmed, unit: '', with: where })
  figures.add({ figure: 'accepts-unanswered', value: unanswered, unit: '', with: where })
  figures.add({ figure: 'answers-stale', value: stale, unit: '', with: where })
  figures.add({ figure: 'answers-stale-offering', value: staleOffers, unit: '', with: where })
  return figures.allHold
}

async function simulateIdentity(seed: number, histories: number): Promise<boolean> {
  const figures = new Figures(values.json)
  const { found, reached } = await runHistories(seed, histories, (done) => {
    if (done % historiesPerNote === 0) figures.note(`${done} of ${histories} histories`)
  })
  for (const one of found) figures.note(identityReportOf(one))
  const where = { seed, scenario: 'identity' }
  figures.add({ figure: 'histories', value: histories, unit: '', with: where })
  figures.add({ figure: 'violations', value: found.length, unit: '', atMost: 0, with: where })
  for (const [what, value] of reached.all) {
    const atLeast = histories >= (what === 'reinstated-links' ? 100_000 : 20_000) ? 1 : 0
    figures.add({ figure: `identity-${what}`, value, unit: '', atLeast, with: where })
  }
  return figures.allHold
}

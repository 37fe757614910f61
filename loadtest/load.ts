import { parseArgs } from 'node:util'
import { underFailure } from './failure/under-failure.ts'
import { startCluster } from './lib/cluster.ts'
import { Figures } from './lib/figures.ts'
import { type K6Run, runK6 } from './lib/k6.ts'

const help = `npm run -s load -- [--json] [--rates N,N,…] [--seconds N] [--failure [--rate N] [--report FILE]]

Runs k6 over HTTP against one node on a nats-server (sync_interval: always), all on this machine:
each iteration is a click, and the content that must reflect it. Rates are tried in turn until one
is not held: p99 over 500 ms, or an iteration that could not start in time.

  --json       one JSON object a line
  --rates      clicks a second to try (100,250,500,750,1000,1500,2000,3000)
  --seconds N  length of each run, or phase (15)
  --failure    at one rate, on a cluster of three nodes and three nats-servers: in the first phase
               nothing happens, in the second a node is killed, in the third another is added;
               writes a report with a picture
  --rate N     clicks a second with --failure (300)
  --report FILE  of --failure (./load-report.html)
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    rates: { type: 'string', default: '100,250,500,750,1000,1500,2000,3000' },
    seconds: { type: 'string', default: '15' },
    failure: { type: 'boolean', default: false },
    rate: { type: 'string', default: '300' },
    report: { type: 'string', default: 'load-report.html' },
  },
})

if (values.help) process.stdout.write(help)
else {
  const figures = new Figures(values.json)
  const names = ['k6-rate-held', 'k6-click-to-content-p99', 'k6-last-click-missed']
  const seconds = Number(values.seconds)
  if (values.failure) {
    const { report } = values
    const rate = Number(values.rate)
    await figures.take(names.slice(1), () => underFailure({ figures, rate, seconds, report }))
  } else {
    await figures.take(names, () => load(figures, values.rates.split(',').map(Number), seconds))
  }
  process.exitCode = figures.allHold ? 0 : 1
}

/** Climbs until a rate is not held, then reports the highest that was. */
async function load(figures: Figures, rates: readonly number[], seconds: number): Promise<void> {
  const cluster = await startCluster()
  try {
    let held: { readonly rate: number; readonly run: K6Run } | undefined
    let missed = 0
    await runK6([cluster.url], Math.min(...rates), [{ name: 'warm-up', seconds: 3 }])
    for (const rate of rates) {
      const run = await runK6([cluster.url], rate, [{ name: 'steady', seconds }])
      figures.note(
        `${rate}/s: p50 ${run.p50} ms, p99 ${run.p99} ms, ${run.dropped} not started in time`,
      )
      missed += run.missed
      if (!run.isHeld) break
      held = { rate, run }
    }
    if (held === undefined) throw new Error(`not even ${rates[0]}/s was held`)
    const { rate, run } = held
    figures.add({ figure: 'k6-rate-held', value: rate, unit: '/s', with: { seconds } })
    figures.add({
      figure: 'k6-click-to-content-p99',
      value: run.p99,
      unit: 'ms',
      atMost: 500,
      with: { rate, p50: `${run.p50} ms` },
    })
    figures.add({
      figure: 'k6-last-click-missed',
      value: missed,
      unit: '',
      atMost: 0,
      with: { clicks: run.iterations },
    })
  } finally {
    await cluster.stop()
  }
}

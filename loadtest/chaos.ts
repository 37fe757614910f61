import { parseArgs } from 'node:util'
import { addRemove } from './chaos/add-remove.ts'
import { clock } from './chaos/clock.ts'
import { diskFull } from './chaos/disk-full.ts'
import { drain } from './chaos/drain.ts'
import { hotVisitor } from './chaos/hot-visitor.ts'
import { killNats } from './chaos/kill-nats.ts'
import { killNodes } from './chaos/kill-nodes.ts'
import { logFull } from './chaos/log-full.ts'
import { natsDown as allNatsDown } from './chaos/nats-down.ts'
import { partition } from './chaos/partition.ts'
import { pause } from './chaos/pause.ts'
import { rolling } from './chaos/rolling.ts'
import { runScenario } from './chaos/run-scenario.ts'
import type { Scenario } from './chaos/scenario.ts'
import { upgrade } from './chaos/upgrade.ts'
import { killNode } from './crash/kill-node.ts'
import { natsDown } from './crash/nats-down.ts'
import { Figures } from './lib/figures.ts'

const scenarios: { readonly [name: string]: Scenario } = {
  'kill-nodes': killNodes,
  pause,
  drain,
  'add-remove': addRemove,
  rolling,
  upgrade: upgrade(),
  'kill-nats': killNats,
  'nats-down': allNatsDown,
  partition: partition(),
  clock,
  'disk-full': diskFull(),
  'log-full': logFull,
  'hot-visitor': hotVisitor,
}

/** One node on one server: what needs no cluster. */
const crash = { 'kill-node': killNode, 'nats-down': natsDown } as const

const width = Math.max(...Object.keys(scenarios).map(({ length }) => length))
const help = `npm run -s chaos -- SCENARIO… [--json] [--seconds N] [--rate N] [--shards N]

Breaks a cluster of three nats-servers and three nodes under load, all on this machine, mends it,
and judges the run by a replay of its log.

${Object.entries(scenarios)
  .map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`)
  .join('\n')}
  ${'crash'.padEnd(width)}  one node on one server: kill-node, kill -9 of the node every few seconds;
  ${''.padEnd(width)}  nats-down, the server is stopped and over HTTP decides go on from memory

  --json       one JSON object a line
  --seconds N  how long things are broken (60)
  --rate N     visits a second, each an event and a decide (1000)
  --shards N   shards of the cluster (64)
  --only SCENARIO  of crash, this one only; may be repeated
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '1000' },
    shards: { type: 'string', default: '64' },
    only: { type: 'string', multiple: true, default: [] },
  },
})

const wanted = positionals.map((name) => [name, scenarios[name]] as const)
const unknown = wanted.find(([name, scenario]) => scenario === undefined && name !== 'crash')
if (values.help) process.stdout.write(help)
else if (wanted.length === 0 || unknown !== undefined) {
  process.stderr.write(unknown ? `no scenario ${unknown[0]}\n\n${help}` : help)
  process.exitCode = 2
} else {
  const figures = new Figures(values.json)
  const run = {
    figures,
    seconds: Number(values.seconds),
    rate: Number(values.rate),
    shards: Number(values.shards),
  }
  for (const [name, scenario] of wanted) {
    if (scenario) await runScenario(name, scenario, run)
    else
      for (const [part, breakIt] of Object.entries(crash))
        if (values.only.length === 0 || values.only.includes(part))
          await breakIt(figures, run.seconds)
  }
  process.exitCode = figures.allHold ? 0 : 1
}

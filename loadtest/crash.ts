import { parseArgs } from 'node:util'
import { killNode } from './crash/kill-node.ts'
import { natsDown } from './crash/nats-down.ts'
import { Figures } from './lib/figures.ts'

const help = `npm run -s crash -- [--json] [--only SCENARIO]… [--seconds N]

Breaks things under load, all on this machine, and compares what is held afterwards with what was
acknowledged, and with a fold of the log from its start.

  kill-node  kill -9 of the node every few seconds
  nats-down  nats-server is stopped: over HTTP decides go on from memory

  --json       one JSON object a line
  --only       run this scenario only; may be repeated
  --seconds N  how long things are broken (60)
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string', default: '60' },
  },
})

const scenarios = { 'kill-node': killNode, 'nats-down': natsDown } as const

if (values.help) process.stdout.write(help)
else {
  const figures = new Figures(values.json)
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (values.only.length === 0 || values.only.includes(name))
      await scenario(figures, Number(values.seconds))
  }
  process.exitCode = figures.allHold ? 0 : 1
}

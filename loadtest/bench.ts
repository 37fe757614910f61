import { parseArgs } from 'node:util'
import { aliases } from './bench/aliases.ts'
import { backtest } from './bench/backtest.ts'
import { bareNats } from './bench/bare-nats.ts'
import { catalogue } from './bench/catalogue.ts'
import { clickToContent } from './bench/click-to-content.ts'
import { cost } from './bench/cost.ts'
import { decides } from './bench/decides.ts'
import { decisions } from './bench/decisions.ts'
import { durableEvents } from './bench/durable-events.ts'
import { learnedDecisions } from './bench/learned-decisions.ts'
import { learning } from './bench/learning.ts'
import { measures } from './bench/measures.ts'
import { memory } from './bench/memory.ts'
import { nodes } from './bench/nodes.ts'
import { profiles } from './bench/profiles.ts'
import { recognition } from './bench/recognition.ts'
import { why } from './bench/why.ts'
import { Figures } from './lib/figures.ts'

const help = `npm run -s bench -- [--json] [--only PART]… [--seconds N] [--rate N] [--visitors N]

Drives the client library against one node and one nats-server (sync_interval: always) on this
machine, and prints figures. Parts: click, decides, aliases, bare, events, memory, cost, recognition; nodes,
against one to three nodes on three nats-servers; and in this process profiles, what merging costs,
measures, what rules on events cost, decisions, what a decision costs by the number of its offers,
learned, what one costs that is left to chance by what was learnt, and catalogue, what one costs over 100,000 items; why, what the decision log costs, and on two nodes whether
100,000 decisions come out of it as they were; backtest, what a candidate playbook would have done in a
million logged decisions; learning, what a report of an experiment over a million people, making a model
version, and telling decisions with what became of them cost a node.

  --json       one JSON object a line
  --only       run this part only; may be repeated
  --seconds N  length of the measurements of events (30); others take a third of it
  --rate N     events a second that are offered (118000)
  --visitors N visitors that memory holds, three events each (1000000)
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string', default: '30' },
    rate: { type: 'string', default: '118000' },
    visitors: { type: 'string', default: '1000000' },
  },
})

const parts = {
  click: clickToContent,
  decides,
  aliases,
  bare: bareNats,
  events: durableEvents,
  memory,
  cost,
  nodes,
  recognition,
  profiles,
  measures,
  decisions,
  learned: learnedDecisions,
  catalogue,
  why,
  backtest,
  learning,
} as const

if (values.help) process.stdout.write(help)
else {
  const figures = new Figures(values.json)
  const run = {
    figures,
    seconds: Number(values.seconds),
    rate: Number(values.rate),
    held: Number(values.visitors),
  }
  for (const [name, part] of Object.entries(parts)) {
    if (values.only.length === 0 || values.only.includes(name)) await part(run)
  }
  process.exitCode = figures.allHold ? 0 : 1
}

import { identifierOf } from '@halfsecond/protocol'
import { NodeHere, type Told } from '../lib/node-here.ts'
import { privateBytes } from '../lib/private-bytes.ts'
import { cpuMsOf, turnsInWords, turnsOf } from '../lib/turns.ts'
import { type Run, visitors } from './run.ts'

const names = ['experiment-report-million-seconds', 'experiment-report-longest-turn']

const dayMs = 24 * 3_600_000

/** One person of so many has an account besides the cookie: what they did is asked of another shard. */
const oneOfLinked = 20

/** People told of at once. */
const toldAtOnce = 50_000

const experiment = 'hero-order'

const playbook = `
playbook: shop
consent: { personalise: assumed }
events: { page: { path: string }, order: { total: double } }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
experiments:
  ${experiment}:
    at: [hero]
    arms: { ours: 60%, none: { share: 40%, shows: fallback } }
    measure: { event: order, within: 7d }
    guardrails: [{ on: dismiss, within: 7d }]
offers:
  tour: { treatments: { banner: { title: Have a look } } }
`

/**
 * What a report over everybody costs on the only node of all shards, with rows on its disk, and how
 * long decides wait for it. @param people a million, unless it is only tried whether it runs
 */
export async function experimentReports(
  { figures }: Pick<Run, 'figures'>,
  people = visitors,
): Promise<void> {
  await figures.take(names, async () => {
    const here = await NodeHere.start(playbook)
    try {
      for (let first = 0; first < people; first += toldAtOnce)
        await here.tell(peopleFrom(first, Math.min(people, first + toldAtOnce)))
      await here.quiet()
      const report = async () => {
        const { seen, arms } = await here.node.api.experiments.report(experiment)
        const shown = arms.reduce((sum, arm) => sum + arm.people, 0)
        const isWhole = seen === people && shown === people
        if (!isWhole) throw new Error(`${shown} of ${seen} people, instead of ${people}`)
      }
      const before = (await privateBytes(process.pid)) ?? 0
      let most = before
      const watch = setInterval(async () => {
        most = Math.max(most, (await privateBytes(process.pid)) ?? 0)
      }, 200)
      const began = performance.now()
      const cpuMs = await cpuMsOf(report).finally(() => clearInterval(watch))
      const seconds = (performance.now() - began) / 1_000
      figures.add({
        figure: 'experiment-report-million-seconds',
        value: seconds,
        unit: 's',
        with: {
          people,
          linked: people / oneOfLinked,
          cpuMicrosEach: ((cpuMs * 1_000) / people).toFixed(1),
          addedMegabytes: Math.round((most - before) / 1e6),
        },
      })
      const turns = await turnsOf(report)
      figures.add({
        figure: 'experiment-report-longest-turn',
        value: turns.longestMs,
        unit: 'ms',
        with: { people, ...turnsInWords(turns) },
      })
    } finally {
      await here.stop()
    }
  })
}

/** Who visited, was shown something ten days ago, and of ten ordered three within the week. */
function peopleFrom(from: number, to: number): Told[] {
  const shownAt = Date.now() - 10 * dayMs
  const all: Told[] = []
  for (let i = from; i < to; i++) {
    const key = identifierOf('anon', `v${i}`)
    const at = shownAt - (i % 5) * dayMs
    const told = (name: string, fields: { readonly [field: string]: unknown }): Told => ({
      id: `${name}${i}`,
      key,
      at,
      ...fields,
    })
    all.push(
      told('p', { kind: 'event', name: 'page', properties: { path: '/' }, at: at - 60_000 }),
      told('d', {
        kind: 'outcome',
        decision: `decision-${i}`,
        placement: 'hero',
        offer: i % 5 < 3 ? 'tour' : 'fallback',
        treatment: i % 5 < 3 ? 'banner' : 'fallback',
        outcome: 'display',
        arms: [`${experiment}=${i % 5 < 3 ? 'ours' : 'none'}`],
      }),
    )
    const account = i % oneOfLinked === 0 ? identifierOf('crm', `c${i}`) : undefined
    if (account) all.push(told('l', { kind: 'link', to: account, strength: 'authenticated' }))
    const order = { kind: 'event', name: 'order', properties: { total: 20 }, at: at + dayMs }
    if (i % 10 < 3) all.push(told('o', { ...order, ...(account && { key: account }) }))
  }
  return all
}

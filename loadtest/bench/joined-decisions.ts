import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { outcomeOf } from '@halfsecond/protocol/token'
import { encodeJoined } from '../../node/src/core/learning/joined.ts'
import { NodeHere, type Told } from '../lib/node-here.ts'
import { cpuMsOf } from '../lib/turns.ts'
import type { Run } from './run.ts'

const names = ['joined-decision-cpu']

const made = 20_000

/** Each person has this many decisions, with as many displays and here and there a click. */
const each = 4

/** Decisions under way at once. */
const atOnce = 100

/** So many take at least so long: a node that makes more than 10,000 a second logs only some of them. */
const atOnceMs = 25

/** The quickest is what it takes; others use the machine, too. */
const rounds = 3

const playbook = `
playbook: shop
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome }, learn: click }
offers:
${Array.from({ length: 10 }, (_, i) => `  offer-${i}: { treatments: { banner: { title: Offer ${i} } } }`).join('\n')}
`

/** What it costs a node that has all shards to tell decisions with what became of them. */
export async function joinedDecisions(
  { figures }: Pick<Run, 'figures'>,
  decisions = made,
): Promise<void> {
  await figures.take(names, async () => {
    const here = await NodeHere.start(playbook)
    try {
      await decideAndTell(here, decisions)
      await here.quiet()
      const { api, adminUrl } = here.node
      const add = (door: string, cpuMs: number) =>
        figures.add({
          figure: 'joined-decision-cpu',
          value: (cpuMs * 1_000) / decisions,
          unit: 'µs',
          with: { door, decisions },
        })
      const within = async () => {
        let count = 0
        for await (const one of api.joined.read({ from: 0, to: Date.now() }))
          if (encodeJoined(one).length > 0 && one.outcomes.length > 0) count++
        if (count !== decisions) throw new Error(`${count} of ${decisions} have outcomes`)
      }
      add('in the node', await quickest(within))
      const told = async () => {
        const args = [
          '--input-type=module',
          '--eval',
          reader,
          `${adminUrl}/v1/decisions?since=2020-01-01T00:00:00Z`,
        ]
        await promisify(execFile)(process.execPath, args)
      }
      add('admin route', await quickest(told))
    } finally {
      await here.stop()
    }
  })
}

/** Another process: what reading costs is not the node's. */
const reader = `
const answer = await fetch(process.argv[1])
let bytes = 0
for await (const part of answer.body) bytes += part.length
if (!answer.ok || bytes === 0) process.exit(1)
`

async function quickest(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < rounds; i++) least = Math.min(least, await cpuMsOf(work))
  return least
}

/** Decides by the way of channels, and tells that all of it was seen, and some clicked on. */
async function decideAndTell(here: NodeHere, decisions: number): Promise<void> {
  const { client, tokenKeys } = here.node.api
  const all: Told[] = []
  for (let first = 0; first < decisions; first += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, decisions - first) }, async (_, i) => {
      const anon = `v${Math.floor((first + i) / each)}`
      const { token } = await client.visitor({ anon }).decide('hero', { deadlineMs: 2_000 })
      const decision = token && outcomeOf(tokenKeys.verify(token, Date.now()))
      if (!decision) throw new Error('a decision was not answered')
      const at = Date.now()
      const told = (outcome: string): Told => ({
        ...decision,
        id: `${decision.decision}.${outcome}`,
        at,
        outcome,
      })
      return i % 20 === 0 ? [told('display'), told('click')] : [told('display')]
    })
    const [answered] = await Promise.all([Promise.all(some), sleep(atOnceMs)])
    all.push(...answered.flat())
  }
  await here.tell(all)
}

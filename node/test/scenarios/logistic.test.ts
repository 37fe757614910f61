import { isFields } from '@halfsecond/protocol'
import { outcomeOf, type Token } from '@halfsecond/protocol/token'
import { expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { readDecision } from '../../src/core/decision/logged-decision.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { get, post } from '../http/support/running-server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const dataDir = scratchFolder()

const playbook = `
playbook: shop
consent: { personalise: assumed }
traits: { tier: { type: string } }
placements:
  hero:
    channel: web
    format: banner
    fallback: none
    learn: { on: click, within: 1s, by: [traits.tier], explore: 50%, trainer: logistic }
offers:
  card: { treatments: { banner: card } }
  mug: { treatments: { banner: mug } }
`

/** As many as the trainer wants, and some more. */
const visitors = 300

async function decide(node: RunningNode, key: string): Promise<Token> {
  const asked = { identifiers: [key], placements: ['hero'], deadline: 2_000 }
  const { body } = await post(`${node.url}/v1/decide`, asked)
  const decisions = isFields(body) && isFields(body.decisions) ? body.decisions : {}
  const hero = isFields(decisions.hero) ? decisions.hero : {}
  expect(hero.token, JSON.stringify(body)).toBeTypeOf('string')
  return node.api.tokenKeys.verify(String(hero.token), Date.now())
}

it('a placement that learns by logistic regression gets a model of it', {
  timeout: 180_000,
}, async () => {
  const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4', dataDir }
  const node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  try {
    await node.api.publishPlaybook(playbook)
    const tokens: Token[] = []
    for (let i = 0; i < visitors; i++) tokens.push(await decide(node, `anon:v${i}`))
    // Cards are clicked by one in two, mugs by one in ten.
    const records = tokens.flatMap((token, i) => {
      const isClicked = i % (token.offer === 'card' ? 2 : 10) === 0
      const said = isClicked ? (['display', 'click'] as const) : (['display'] as const)
      return said.map((outcome) => ({
        ...outcomeOf(token),
        id: `${outcome}-${i}`,
        at: token.decidedAt + 10,
        outcome,
      }))
    })
    const { status, body } = await post(`${node.url}/v1/events`, { records })
    expect(status, JSON.stringify(body)).toBe(200)

    // A model every ten seconds, a training every minute.
    const model = await vi.waitFor(
      async () => {
        const answer = await get(`${node.adminUrl}/v1/model?placement=hero`)
        expect(answer.body).toMatchObject({ placements: [{ trainer: 'logistic' }] })
        return answer.body
      },
      { timeout: 150_000, interval: 500 },
    )

    expect(model).toMatchObject({ placements: [{ placement: 'hero', lesson: expect.any(String) }] })
    const joined = new Map<string, readonly string[]>()
    for await (const { entry, outcomes } of node.api.joined.read({ from: 0, to: Date.now() }))
      joined.set(
        readDecision(entry).decision,
        outcomes.map(({ outcome }) => outcome),
      )
    expect([...joined.keys()].sort()).toEqual(tokens.map(({ decision }) => decision).sort())
    const clicks = [...joined.values()].filter((said) => said.includes('click'))
    expect(clicks).toHaveLength(records.length - visitors)
  } finally {
    await node.close()
  }
})

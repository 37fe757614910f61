import { type FragmentId, fallbackName, identifierOf, ulid } from '@halfsecond/protocol'
import type { Token } from '@halfsecond/protocol/token'
import { describe, expect, it } from 'vitest'
import { type Decided, encodeDecision } from '../../../src/core/decision/logged-decision.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { emptyHead, type HeadView } from '../../../src/core/person/head-view.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryDecisions } from '../../../src/memory/memory-decisions.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { partitionOf } from '../../../src/runtime/decisions/decision-log.ts'
import { PastDecisions } from '../../../src/runtime/decisions/past-decisions.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { decidedBy } from '../../support/decided.ts'

const text = `
playbook: shop
zone: Europe/London
consent: { personalise: assumed }
traits: { tier: { type: string }, zone: { type: string } }
placements:
  hero: { channel: web, format: banner, fallback: none }
  side: { channel: web, format: banner, fallback: none }
offers:
  card: { value: 2, when: traits.tier == "gold", treatments: { banner: card } }
  mug: { treatments: { banner: mug } }
`
const playbook = compilePlaybook(text)
const calendar = new ZoneCalendar()
const shards = 8
const key = identifierOf('anon', 'a')
const member = identifierOf('user', 'ann')
/** Summer: one hour ahead in London. */
const decidedAt = Date.UTC(2026, 5, 27, 13, 3)
const day = 24 * 3_600_000

function decidedOf(now = decidedAt, set: { readonly [trait: string]: string } = { tier: 'gold' }) {
  const entries = Object.entries(set)
  const traits = new Map(entries.map(([name, value]) => [name, { value, at: 0, id: '' }]))
  const profile = {
    traits,
    consents: null,
    features: new FeatureState(playbook.features),
    eldest: null,
  }
  const placements = [...playbook.placements.values()]
  const request = { placements, now, exposures: [] }
  return decidedBy({
    decision: ulid(now, (bytes) => crypto.getRandomValues(bytes)),
    key,
    members: [member],
    versionOf: () => ({ sequence: 4, index: 0 }),
    request,
    position: [0, 0, 4],
    playbook,
    playbookVersion: 3,
    profile,
  })
}

function tokenOf({ decision, request }: Decided, rest: Partial<Token> = {}): Token {
  return {
    decision,
    key,
    placement: 'hero',
    offer: 'card',
    treatment: 'banner',
    playbook: 3,
    decidedAt: request.now,
    expiresAt: request.now + day,
    ...rest,
  }
}

/** A decision log, on the clock of which it is just after the decision. */
function world() {
  const clock = new ManualClock(decidedAt + 100)
  const decisions = new MemoryDecisions(clock)
  const heads = new Map<FragmentId, HeadView>()
  const playbooks = new Map([[3, playbook]])
  let flushes = 0
  const past = new PastDecisions({
    decisions,
    decisionLog: {
      flush: async () => {
        flushes++
      },
    },
    shards,
    playbooks: { at: async (version) => playbooks.get(version) },
    people: {
      head: async (id) => heads.get(id),
      fragmentsOf: async (identifier) => [identifier],
    },
    calendar,
    clock,
  })
  const log = (decided: Decided, halvings = 0) => {
    const entry = encodeDecision(decided, halvings)
    return decisions.append(partitionOf(decided.key, shards), entry === undefined ? [] : [entry])
  }
  const erased = (id: FragmentId, at: number) => {
    const erasure = { eraseId: 'e1', at: new Date(at).toISOString(), waiting: 0 }
    heads.set(id, { ...emptyHead(id), erasures: [erasure] })
  }
  return { clock, past, playbooks, log, erased, flushes: () => flushes }
}

describe('why something was decided', () => {
  it('is said in a sentence, with every candidate of every placement that was asked for', async () => {
    const { past, log } = world()
    const decided = decidedOf()
    for (let i = 0; i < 50; i++) await log(decidedOf())
    await log(decided)

    const why = await past.explain(tokenOf(decided))

    expect(why).toMatchObject({
      kind: 'explained',
      at: decidedAt,
      node: 'n1',
      oneOf: 1,
      isSame: true,
      isAsTold: true,
      explanations: [
        {
          placement: 'hero',
          sentence:
            'On 27 June 2026 at 14:03, at hero, you saw card, because at that time tier is gold.',
          playbook: 3,
          identifiers: ['user:ann'],
          shown: [{ offer: 'card', treatment: 'banner', content: 'card' }],
          candidates: [
            { offer: 'card', verdict: 'chosen' },
            { offer: 'mug', verdict: 'outranked' },
          ],
        },
        { placement: 'side', sentence: 'On 27 June 2026 at 14:03, at side, you saw mug.' },
      ],
    })
  })

  it('begins with the placement of the token, and tells the time where the visitor was', async () => {
    const { past, log } = world()
    const decided = decidedOf(decidedAt, { zone: 'America/New_York' })
    await log(decided)

    const why = await past.explain(tokenOf(decided, { placement: 'side', offer: 'mug' }))

    expect(why).toMatchObject({
      isAsTold: false,
      explanations: [
        {
          placement: 'side',
          sentence: expect.stringMatching(/^On 27 June 2026 at 09:03, at side, you saw what every/),
        },
        { placement: 'hero' },
      ],
    })
  })

  it('tells the time of the world where the zone of the visitor is none', async () => {
    const { past, log } = world()
    const decided = decidedOf(decidedAt, { zone: 'Atlantis' })
    await log(decided)

    const why = await past.explain(tokenOf(decided, { offer: 'mug' }))

    expect(why).toMatchObject({
      explanations: [{ sentence: expect.stringMatching(/at 13:03/) }, {}],
    })
  })

  it('prefers the answer that the token is from, where two nodes answered', async () => {
    const { past, log } = world()
    const decided = decidedOf()
    await log({ ...decidedOf(decidedAt - 7, {}), decision: decided.decision, node: 'n2' })
    await log(decided)

    expect(await past.explain(tokenOf(decided))).toMatchObject({ node: 'n1', isAsTold: true })
    expect(await past.explain(tokenOf(decided, { decidedAt: decidedAt + 9 }))).toMatchObject({
      isAsTold: false,
    })
  })

  it('is told of default content with a token, as somebody held out is given it', async () => {
    const { past, log } = world()
    const decided = decidedOf()
    const choices = decided.choices.map((choice) => ({
      ...choice,
      propositions: choice.placement.name === 'hero' ? [] : choice.propositions,
    }))
    await log({ ...decided, choices })
    const fallback = { offer: fallbackName, treatment: fallbackName }

    expect(await past.explain(tokenOf(decided, fallback))).toMatchObject({ isAsTold: true })
    const beside = { ...fallback, placement: 'side' }
    expect(await past.explain(tokenOf(decided, beside))).toMatchObject({ isAsTold: false })
  })

  it('is found though it was written minutes later', async () => {
    const { clock, past, log } = world()
    const decided = decidedOf()
    clock.advance(500_000)
    await log(decided)

    expect(await past.explain(tokenOf(decided))).toMatchObject({ kind: 'explained' })
  })

  it('waits until what this node decided a moment ago is written', async () => {
    const { clock, past, log, flushes } = world()
    const decided = decidedOf()
    await log(decided)

    await past.explain(tokenOf(decided))
    expect(flushes()).toBe(1)
    clock.advance(60_000)
    await past.explain(tokenOf(decided))
    expect(flushes()).toBe(1)
  })

  it('is refused once anybody whom it was about was erased', async () => {
    const { past, log, erased } = world()
    const decided = decidedOf()
    await log(decided)
    erased(member, decidedAt - 1)
    expect(await past.explain(tokenOf(decided))).toMatchObject({ kind: 'explained' })

    erased(member, decidedAt + 5)

    const refused = {
      code: 'FORBIDDEN',
      message: expect.stringMatching(/^user:ann was erased after this decision/),
    }
    await expect(past.explain(tokenOf(decided))).rejects.toMatchObject(refused)
    erased(key, decidedAt + 5)
    const gone = tokenOf(decidedOf())
    await expect(past.explain(gone)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it.each([
    ['it is older than what is kept', 31 * day, 0, /kept for 30 days/],
    ['only some were logged then', 60_000, 3, /^Only one of 8 decisions was logged then/],
    ['it is not written yet', 0, 0, /ask again in a second/],
    ['it is lost', 60_000, 0, /its node was lost/],
  ])('is not known where %s, and that is said', async (_what, later, halvings, expected) => {
    const { clock, past, log } = world()
    await log(decidedOf(), halvings)
    clock.advance(later)

    const why = await past.explain(tokenOf(decidedOf()))

    expect(why).toEqual({ kind: 'unknown', text: expect.stringMatching(expected) })
  })

  it('is not known without the text of its playbook, or where that means something else now', async () => {
    const { past, playbooks, log } = world()
    const decided = decidedOf()
    await log(decided)

    playbooks.set(3, compilePlaybook(text.replaceAll('side', 'top')))
    const other = await past.explain(tokenOf(decided))
    playbooks.clear()
    const none = await past.explain(tokenOf(decided))

    expect(other).toMatchObject({ text: expect.stringContaining('reads playbook version 3 in') })
    expect(none).toMatchObject({ text: expect.stringContaining('whose text is gone') })
  })

  it('is not known where the profile was too large to be logged', async () => {
    const { past, log } = world()
    const decided = decidedOf(decidedAt, { tier: 'x'.repeat(100_000) })
    await log(decided)

    expect(await past.explain(tokenOf(decided, { offer: 'mug' }))).toMatchObject({
      text: expect.stringContaining('too large'),
    })
  })
})

import { HalfsecondError, identifierOf, ulid } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { type Decided, headOf } from '../../../src/core/decision/logged-decision.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryDecisions } from '../../../src/memory/memory-decisions.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import {
  DecisionLog,
  loggedPerFlushMax,
  partitionOf,
  waitingBytesMax,
} from '../../../src/runtime/decisions/decision-log.ts'
import { decisionPartitions } from '../../../src/runtime/ports.ts'
import { decidedBy } from '../../support/decided.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'

const playbook = compilePlaybook(`
playbook: one
consent: { personalise: assumed }
placements: { hero: { channel: web, format: banner, fallback: none } }
offers: { card: { treatments: { banner: card } } }
traits: { name: { type: string } }
`)
const shards = 8
let made = 0

/** @param bytes that it takes at least */
function decided(name: string, now = 0, bytes = 0): Decided {
  const traits = new Map([['name', { value: 'x'.repeat(bytes), at: 0, id: '' }]])
  const profile = {
    traits,
    consents: null,
    features: new FeatureState(playbook.features),
    eldest: null,
  }
  const request = { placements: [...playbook.placements.values()], now, exposures: [] }
  return decidedBy({
    decision: ulid(1_700_000_000_000 + made++, (all) => crypto.getRandomValues(all)),
    key: identifierOf('anon', name),
    request,
    playbook,
    profile,
  })
}

function world() {
  const clock = new ManualClock()
  const decisions = new MemoryDecisions(clock, 1_000_000)
  const observer = new QuietObserver()
  const log = new DecisionLog({ decisions, shards, clock, observer })
  return { clock, decisions, observer, log }
}

/** What the log holds, of all partitions. */
async function heads(decisions: MemoryDecisions) {
  const found = []
  for (let partition = 0; partition < decisionPartitions; partition++)
    for await (const entry of decisions.find(partition, 0, Number.MAX_SAFE_INTEGER))
      found.push(headOf(entry))
  return found.filter((head) => head !== undefined)
}

/** Has an append fail, so that no other is tried for a second. */
async function failing(log: DecisionLog, decisions: MemoryDecisions, clock: ManualClock) {
  decisions.isReachable = false
  log.note(decided('first'))
  clock.advance(250)
  await settle()
}

/** Lets promises that need no timer go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

describe('the decision log', () => {
  it('has what was decided a moment later, by itself, each under its key', async () => {
    const { clock, decisions, observer, log } = world()
    const all = Array.from({ length: 100 }, (_, i) => decided(`v${i}`))

    for (const one of all) log.note(one)
    clock.advance(250)
    await settle()

    const found = await heads(decisions)
    expect(found.map(({ decision }) => decision).sort()).toEqual(all.map((one) => one.decision))
    expect(observer.loggedDecisions).toEqual([100, 0])
    for (const { decision, key } of all.slice(0, 10)) {
      const there = []
      for await (const entry of decisions.find(partitionOf(key, shards), 0, clock.now()))
        there.push(headOf(entry)?.decision)
      expect(there).toContain(decision)
    }
  })

  it('takes a share of what a busy node decides, says which, and all again once it is quiet', async () => {
    const { clock, decisions, log } = world()

    for (let tick = 0; tick < 20; tick++) {
      for (let i = 0; i < 4 * loggedPerFlushMax; i++) log.note(decided('v'))
      clock.advance(200)
      await settle()
    }
    const found = await heads(decisions)
    const estimate = found.reduce((sum, { oneOf }) => sum + oneOf, 0)

    expect(found.length).toBeLessThan(21 * loggedPerFlushMax)
    expect(estimate / (80 * loggedPerFlushMax)).toBeCloseTo(1, 1)
    for (let tick = 0; tick < 5; tick++) {
      log.note(decided('v'))
      clock.advance(200)
      await settle()
    }
    expect(log.oneOf).toBe(1)
  })

  it('appends at once where much waits', async () => {
    const { decisions, log } = world()

    for (let i = 0; i < 200; i++) log.note(decided('v', 0, 1_000))
    await settle()

    expect((await heads(decisions)).length).toBeGreaterThan(100)
  })

  it('resolves a flush once all that was noted is there', async () => {
    const { decisions, log } = world()
    for (let i = 0; i < 300; i++) log.note(decided(`v${i}`, 0, 10_000))

    await log.flush()

    expect(await heads(decisions)).toHaveLength(300)
  })

  it('keeps what could not be appended until it can', async () => {
    const { clock, decisions, observer, log } = world()
    decisions.isReachable = false
    for (let i = 0; i < 20; i++) log.note(decided(`v${i}`))
    clock.advance(250)
    await settle()
    await expect(log.flush()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(observer.failures.join()).toContain('decision log')

    decisions.isReachable = true
    clock.advance(2_000)
    await settle()

    expect(await heads(decisions)).toHaveLength(20)
    expect(observer.loggedDecisions).toEqual([20, 0])
  })

  it('gives up the same share of all that waits where it is full, and says which', async () => {
    const { clock, decisions, observer, log } = world()
    const bytes = 10_000
    const count = Math.ceil((3 * waitingBytesMax) / bytes)
    const all = Array.from({ length: count }, (_, i) => decided(`v${i}`, 0, bytes))
    await failing(log, decisions, clock)

    for (const one of all) log.note(one)
    const { oneOf } = log
    decisions.isReachable = true
    await log.flush()

    const found = await heads(decisions)
    expect(new Set(found.map((head) => head.oneOf))).toEqual(new Set([oneOf]))
    expect(oneOf).toBeGreaterThan(1)
    expect(observer.loggedDecisions).toEqual([found.length, count + 1 - found.length])
    expect(observer.notes).toContain('only some decisions are logged')
    // Made up for by the rate, they are about as many as there were.
    expect(Math.abs(found.length * oneOf - count) / count).toBeLessThan(0.2)
    const half = new Set(all.slice(0, count / 2).map(({ decision }) => decision))
    const early = found.filter(({ decision }) => half.has(decision)).length
    expect(Math.abs(2 * early * oneOf - count) / count).toBeLessThan(0.3)
  })

  it('logs all of them again when it is quiet', async () => {
    const { clock, decisions, log } = world()
    await failing(log, decisions, clock)
    for (let i = 0; i < waitingBytesMax / 10_000 + 1; i++) log.note(decided('v', 0, 10_000))
    expect(log.oneOf).toBe(2)

    decisions.isReachable = true
    for (let i = 0; i < 20; i++) {
      clock.advance(250)
      await settle()
    }

    expect(log.oneOf).toBe(1)
    const last = decided('last')
    log.note(last)
    await log.flush()
    const found = (await heads(decisions)).find(({ decision }) => decision === last.decision)
    expect(found?.oneOf).toBe(1)
  })

  it('appends what waits when it is closed, and takes nothing more', async () => {
    const { decisions, observer, log } = world()
    log.note(decided('a'))

    await log.close()
    log.note(decided('b'))

    expect((await heads(decisions)).map(({ key }) => key)).toEqual(['anon:a'])
    expect(observer.loggedDecisions).toEqual([1, 1])
  })

  it('closes in time where the log is away, and counts what is lost', async () => {
    const { clock, decisions, observer, log } = world()
    decisions.append = () => new Promise(() => undefined)
    log.note(decided('a'))
    clock.advance(250)
    log.note(decided('a'))

    const closed = log.close()
    clock.advance(2_000)
    await closed

    expect(observer.loggedDecisions).toEqual([0, 1])
  })

  it('never throws at who decides', () => {
    const { observer, log } = world()
    const broken = {
      ...decided('a'),
      versionOf: () => {
        throw new HalfsecondError('UNAVAILABLE', 'planted')
      },
    }

    log.note(broken)

    expect(observer.loggedDecisions).toEqual([0, 1])
    expect(observer.failures).toHaveLength(1)
  })
})

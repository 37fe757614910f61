import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { identifierOf, isFields, type OutcomeRecord, ulid } from '@halfsecond/protocol'
import { decide, type Profile } from '../../node/src/core/decision/decide.ts'
import { encodeDecision } from '../../node/src/core/decision/logged-decision.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { FeatureState } from '../../node/src/core/features/feature-state.ts'
import { encodeJoined } from '../../node/src/core/learning/joined.ts'
import type { ArmDraws, Model } from '../../node/src/core/learning/model.ts'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import { noted } from './logged.ts'
import type { Run } from './run.ts'

const names = ['backtest-million-seconds']

const decisions = 1_000_000
const secondsMax = 60

/** Histories that people have; each has a decision now and then. */
const histories = 2_000
const people = 200_000
const offers = 40
const groups = 8
const minuteMs = 60_000
const end = Date.UTC(2026, 10, 27, 12)
const spanMs = 7 * 24 * 60 * minuteMs
const calendar = new ZoneCalendar()

/** A million logged decisions by a playbook that learns, made again by one with other rules. */
export async function backtest({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'halfsecond-backtest-'))
    try {
      const [live, candidate] = [textOf(5), textOf(3)]
      const file = (name: string) => join(folder, name)
      await writeFile(file('live.json'), live)
      await writeFile(file('candidate.json'), candidate)
      await pipeline(
        Readable.from(piecesOf(compilePlaybook(live))),
        createWriteStream(file('decisions')),
      )
      const main = join(import.meta.dirname, '../../node/src/main.ts')
      const args = ['backtest', file('candidate.json'), '--json', '--reward', 'click']
      const source = ['--decisions', file('decisions'), '--before', file('live.json')]
      const { stdout } = await promisify(execFile)(process.execPath, [main, ...args, ...source], {
        maxBuffer: 64 * 1024 ** 2,
      })
      const { read, used, placements } = fieldsIn(JSON.parse(stdout))
      if (fieldsIn(read).whole !== decisions) throw new Error(`not all: ${JSON.stringify(read)}`)
      const [hero] = Array.isArray(placements) ? placements : []
      const { seconds, cpuSeconds, memoryBytes } = fieldsIn(used)
      figures.add({
        figure: 'backtest-million-seconds',
        value: Number(seconds),
        unit: 's',
        atMost: secondsMax,
        with: {
          offers,
          people,
          cpuSeconds: Number(cpuSeconds).toFixed(1),
          memoryMegabytes: Math.round(Number(memoryBytes) / 1e6),
          agreement: Number(fieldsIn(hero).agreement).toFixed(3),
        },
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

/** @param views how many views it takes for most offers */
function textOf(views: number): string {
  return JSON.stringify({
    playbook: 'shop',
    consent: { personalise: 'assumed' },
    events: { product_viewed: { category: 'string', price: 'double' }, order: {}, complaint: {} },
    traits: { tier: { type: 'string' } },
    placements: {
      hero: {
        channel: 'web',
        format: 'banner',
        fallback: {},
        learn: { on: 'click', by: ['traits.tier'] },
      },
    },
    groups: Object.fromEntries(
      Array.from({ length: groups }, (_, i) => [
        `group-${i}`,
        { never: 'count("complaint", "30d") > 0' },
      ]),
    ),
    offers: Object.fromEntries(
      Array.from({ length: offers }, (_, i) => [
        `offer-${i}`,
        {
          group: `group-${i % groups}`,
          value: 1 + (i % 7),
          when: `count("product_viewed", "${1 + (i % 14)}d") >= ${1 + (i % views)}`,
          limits: [
            { on: 'display', max: 3, per: 'day', across: 'group' },
            { on: 'display', max: 5, per: '7d' },
          ],
          treatments: { banner: { title: `Offer ${i}`, link: `/offer/${i}` } },
        },
      ]),
    ),
  })
}

async function* piecesOf(playbook: Playbook): AsyncGenerator<Uint8Array> {
  const profiles = Array.from({ length: histories }, (_, i) => profileOf(i, playbook))
  const model = modelOf()
  let seed = 1
  const bytes = (buffer: Uint8Array) => {
    for (let i = 0; i < buffer.length; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      buffer[i] = seed >>> 24
    }
    return buffer
  }
  let frames: Uint8Array[] = []
  for (let i = 0; i < decisions; i++) {
    const profile = profiles[i % histories]
    if (profile === undefined) continue
    const at = end - spanMs + Math.floor((i * spanMs) / decisions)
    const decision = ulid(at, bytes)
    const key = identifierOf('anon', `v${(i * 7_919) % people}`)
    const request = { now: at, exposures: [], seed: decision, model }
    const placements = [...playbook.placements.values()]
    const asked = { ...request, placements }
    const choices = decide(profile, asked, playbook, calendar)
    const made = { decision, key, request: asked, playbook, profile, choices }
    const entry = encodeDecision(noted(made), 0)
    if (entry === undefined) throw new Error('an entry of this size is logged')
    const offer = choices[0]?.propositions[0]?.offer
    const isShown = offer !== undefined && i % 2 === 0
    const told = (outcome: 'display' | 'click', afterMs: number) => ({
      placement: 'hero',
      offer: offer ?? '',
      outcome,
      at: at + afterMs,
    })
    const outcomes = isShown
      ? [told('display', 900), ...(i % 20 === 0 ? [told('click', 9_000)] : [])]
      : []
    frames.push(encodeJoined({ entry, outcomes }))
    if (frames.length < 1_000) continue
    yield Buffer.concat(frames)
    frames = []
  }
  yield Buffer.concat(frames)
}

/** Likely rates that differ from arm to arm. */
function modelOf(): Model {
  const draws = new Map<string, ArmDraws>()
  return {
    version: 12,
    of: () => ({
      drawsOf: ({ offer }) => {
        let known = draws.get(offer)
        if (known === undefined) {
          const place = Number(offer.slice('offer-'.length))
          const rates = Float32Array.from(
            { length: 64 },
            (_, i) => 0.02 + 0.08 * (((i + 1) * (place + 3) * 37) % 101) * 0.01,
          )
          known = { rates, mean: 0.06 }
          draws.set(offer, known)
        }
        return known
      },
    }),
  }
}

function profileOf(i: number, playbook: Playbook): Profile {
  const features = new FeatureState(playbook.features)
  const key = identifierOf('anon', `h${i}`)
  let told = 0
  const common = (at: number) => ({ id: `r${++told}`, key, at })
  for (let n = i % 30; n > 0; n--)
    features.update(end - spanMs - n * 97 * minuteMs, {
      kind: 'event',
      ...common(end - spanMs - n * 97 * minuteMs),
      name: 'product_viewed',
      properties: { category: `c${n % 5}`, price: n },
    })
  for (let n = i % 12; n > 0; n--) {
    const at = end - spanMs - n * 211 * minuteMs
    const display: OutcomeRecord = {
      kind: 'outcome',
      ...common(at),
      decision: `d${told}`,
      placement: 'hero',
      offer: `offer-${(i + n) % offers}`,
      treatment: 'banner',
      outcome: 'display',
    }
    features.update(at, display)
  }
  const traits = new Map([
    ['tier', { value: i % 3 === 0 ? 'gold' : 'silver', at: 0, id: '' }],
  ] as const)
  return { traits, consents: null, features, eldest: { id: key, bornAt: 0 } }
}

function fieldsIn(value: unknown): { readonly [name: string]: unknown } {
  if (isFields(value)) return value
  throw new TypeError('a result')
}

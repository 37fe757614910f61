import { encode, identifierOf, type OutcomeRecord } from '@halfsecond/protocol'
import {
  type Catalogue,
  CatalogueFiller,
  type Item,
} from '../../node/src/core/catalogue/catalogue.ts'
import { consideredMax } from '../../node/src/core/catalogue/selection.ts'
import { readPiece } from '../../node/src/core/catalogue/stored-catalogue.ts'
import { decide, type Profile } from '../../node/src/core/decision/decide.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { FeatureState } from '../../node/src/core/features/feature-state.ts'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import type { Run } from './run.ts'

const names = ['decision-catalogue-ratio', 'catalogue-load']

const itemCount = 100_000
/** So many that a category has more items than a decision considers. */
const categories = 100
const minuteMs = 60_000
const now = Date.UTC(2025, 5, 18, 12)
const calendar = new ZoneCalendar()
const key = identifierOf('crm', '991')

/** What it costs to choose from a large catalogue, beside choosing from as many offers of one's own. */
export async function catalogue({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    const { loaded, millis } = load()
    const ofItems = itemPlaybook(loaded)
    const ofOffers = offerPlaybook()
    const [item, offer] = [ofItems, ofOffers].map((playbook) => {
      const profile = visitorOf(playbook)
      const request = { placements: [...playbook.placements.values()], now, exposures: [] }
      return () => decide(profile, request, playbook, calendar)
    })
    if (item === undefined || offer === undefined) throw new Error('two playbooks are compared')
    for (const one of [item, offer])
      if (one()[0]?.reason !== 'rules') throw new Error('the last candidate is shown')
    const { ratio, micros } = compare(item, offer)
    figures.add({
      figure: 'decision-catalogue-ratio',
      value: ratio,
      unit: '×',
      atMost: 2,
      with: {
        items: itemCount,
        considered: consideredMax,
        catalogue: `${micros[0].toFixed(0)} µs`,
        offers: `${micros[1].toFixed(0)} µs`,
      },
    })
    figures.add({
      figure: 'catalogue-load',
      value: millis,
      unit: 'ms',
      with: { items: itemCount, what: 'processor time, in pieces of 1 to 2 ms' },
    })
  })
}

function load(): { readonly loaded: Catalogue; readonly millis: number } {
  const filler = new CatalogueFiller()
  let micros = 0
  for (let start = 0; start < itemCount; start += 1_000) {
    const piece = encode(
      Array.from({ length: 1_000 }, (_, i) => {
        const { id, values } = itemOf(start + i)
        return [id, values]
      }),
    )
    const before = process.cpuUsage()
    for (const item of readPiece(piece)) filler.add(item)
    const { user, system } = process.cpuUsage(before)
    micros += user + system
  }
  return { loaded: filler.finish(), millis: micros / 1_000 }
}

function itemOf(index: number): Item {
  return {
    id: `sku-${index}`,
    values: {
      category: `c${index % categories}`,
      price: index,
      title: `Item ${index}`,
      stock: true,
    },
  }
}

const rules = {
  when: 'count("viewed", "28d") >= 3 && traits.tier in ["gold", "platinum"]',
  never: 'traits.storeCard || recent("viewed", "12h").exists(v, v.category == "c1")',
  limits: [
    { on: 'display', max: 4, per: 'day' },
    { on: 'display', max: 2, per: '7d' },
  ],
}

const top = {
  consent: { personalise: 'assumed' },
  events: { viewed: { category: 'string' } },
  traits: { tier: { type: 'string' }, storeCard: { type: 'bool' } },
  placements: { hero: { channel: 'web', format: 'banner', fallback: {} } },
}

function itemPlaybook(loaded: Catalogue): Playbook {
  const fields = { category: 'string', price: 'double', title: 'string', stock: 'bool' }
  return compilePlaybook(
    JSON.stringify({
      playbook: 'items',
      ...top,
      catalogues: { shop: { fields } },
      offers: {
        again: {
          ...rules,
          from: 'shop',
          match: 'item.category == favourite("viewed", "category", "30d")',
          value: 'item.price',
          treatments: { banner: { title: `\${item.title}` } },
        },
      },
    }),
    new Map([['shop', loaded]]),
  )
}

function offerPlaybook(): Playbook {
  const offers = Array.from({ length: consideredMax }, (_, i) => [
    `own-${i}`,
    { ...rules, value: i, treatments: { banner: { title: `Offer ${i}` } } },
  ])
  return compilePlaybook(
    JSON.stringify({ playbook: 'offers', ...top, offers: Object.fromEntries(offers) }),
  )
}

/** Somebody who was shown the best of what there is for them twice: all but the last candidate. */
function visitorOf(playbook: Playbook): Profile {
  const features = new FeatureState(playbook.features)
  for (let i = 50; i > 0; i--) {
    const at = now - i * 60 * minuteMs
    const properties = { category: 'c7' }
    features.update(at, { kind: 'event', id: `v${i}`, key, at, name: 'viewed', properties })
  }
  const register = (value: string | boolean) => ({ value, at: now, id: 'r' })
  const traits = new Map([
    ['tier', register('gold')],
    ['storeCard', register(false)],
  ])
  const profile = { traits, consents: null, features, eldest: null }
  const request = { placements: [...playbook.placements.values()], now, exposures: [] }
  for (let shown = 1; shown < consideredMax; shown++) {
    const offer = decide(profile, request, playbook, calendar)[0]?.propositions[0]?.offer
    if (offer === undefined) throw new Error('every candidate may be shown at first')
    for (const ago of [5_000, 3_000]) {
      const at = now - ago * minuteMs + shown
      const display: OutcomeRecord = {
        kind: 'outcome',
        id: `d${shown}-${ago}`,
        key,
        at,
        decision: `d${shown}-${ago}`,
        placement: 'hero',
        offer,
        treatment: 'banner',
        outcome: 'display',
      }
      features.update(at, display)
    }
  }
  return profile
}

/** In turn, so that both have the same noise: the ratio of their medians. */
function compare(one: () => unknown, other: () => unknown) {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < 400; round++) {
    const isWarm = round >= 100
    for (const [index, call] of [one, other].entries()) {
      const before = process.cpuUsage()
      for (let i = 0; i < 10; i++) call()
      const { user, system } = process.cpuUsage(before)
      if (isWarm) times[index]?.push((user + system) / 10)
    }
  }
  const micros: [number, number] = [median(times[0]), median(times[1])]
  return { micros, ratio: micros[0] / micros[1] }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@halfsecond/client'

/** Visitors at the same time; each decides, looks, and perhaps takes what it is shown. */
const atOnce = 8

/** Between two of them. */
const restMs = 100

const kinds = ['new', 'regular', 'gold'] as const

/** Offers differ in how likely they are taken, and kinds in what they like. */
const likes: { readonly [offer: string]: number } = { boots: 0.5, clogs: 0.3, hats: 0.2 }

export interface Shopped {
  /** Visitors who were shown something. */
  shown: number
  taken: number
  /** Without an answer in time, or whose outcome was not recorded. */
  failed: number
  /** The greatest version that anything was decided with. */
  model: number
}

/** Lets visitors come until `isOver`. */
export async function letShop(client: Client, isOver: () => boolean): Promise<Shopped> {
  const shopped: Shopped = { shown: 0, taken: 0, failed: 0, model: 0 }
  let visitors = 0
  const run = async () => {
    while (!isOver()) {
      await visit(client, ++visitors, shopped).catch(() => {
        shopped.failed++
      })
      await sleep(restMs)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, run))
  return shopped
}

async function visit(client: Client, number: number, shopped: Shopped): Promise<void> {
  const kind = kinds[number % kinds.length] ?? 'new'
  const visitor = client.visitor({ anon: `s${number}` })
  void visitor.setTraits({ kind })
  const { hero, side } = await visitor.decideAll(['hero', 'side'])
  for (const one of [hero, side]) {
    if (one?.offer === undefined) {
      shopped.failed++
      continue
    }
    shopped.model = Math.max(shopped.model, one.model)
    await one.displayed()
    shopped.shown++
    const liking = (likes[one.offer] ?? 0.05) * (kind === 'gold' ? 2 : 1)
    if (Math.random() >= liking) continue
    await (one === hero ? one.clicked() : one.accepted())
    shopped.taken++
  }
}

import { createHash } from 'node:crypto'
import { encode } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import type { Item } from '../../../src/core/catalogue/catalogue.ts'
import { encodePiece } from '../../../src/core/catalogue/stored-catalogue.ts'
import { MemoryCluster } from '../../../src/memory/memory-coordination.ts'
import { Catalogues } from '../../../src/runtime/catalogues/catalogues.ts'
import { systemClock } from '../../../src/system/system-clock.ts'

const boots: Item = { id: 'b-1', values: { category: 'boots', price: 80, tags: ['new'] } }
const coat: Item = { id: 'c-1', values: { category: 'coats', price: 200 } }

function catalogues(cluster = new MemoryCluster(systemClock)): Catalogues {
  const hash = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex')
  return new Catalogues({ coordination: cluster.connect(), clock: systemClock, hash })
}

async function put(here: Catalogues, ...pieces: readonly (readonly Item[])[]) {
  const hashes: string[] = []
  for (const items of pieces) hashes.push(await here.putPiece(encodePiece(items)))
  const items = pieces.reduce((sum, some) => sum + some.length, 0)
  return here.put({ name: 'shop', items, pieces: hashes }, 'ada')
}

describe('a catalogue', () => {
  it('is on every node what was imported on one', async () => {
    const cluster = new MemoryCluster(systemClock)

    const { hash, version } = await put(catalogues(cluster), [boots], [coat])
    const loaded = await catalogues(cluster).load(hash)

    expect(version).toBe(1)
    expect(loaded.items).toEqual([boots, coat])
    expect(loaded.matching('category', 'boots')).toEqual([0])
    expect(loaded.matching('tags', 'new')).toEqual([0])
    expect(loaded.matching('tags', 'old')).toEqual([])
  })

  it('has numbered versions, of which each says who imported it', async () => {
    const here = catalogues()

    await put(here, [boots])
    await put(here, [boots, coat])

    const told = (await here.versions('shop')).map(({ version, items, by }) => [version, items, by])
    expect(told).toEqual([
      [2, 2, 'ada'],
      [1, 1, 'ada'],
    ])
    expect(await here.versions('other')).toEqual([])
  })

  it('that is imported again is the same version', async () => {
    const here = catalogues()

    const first = await put(here, [boots])
    const second = await put(here, [boots])

    expect(second).toEqual(first)
    expect(await here.versions('shop')).toHaveLength(1)
  })

  it('has a number for each of those who import at the same time', async () => {
    const cluster = new MemoryCluster(systemClock)

    const made = await Promise.all([boots, coat].map((item) => put(catalogues(cluster), [item])))

    expect(made.map(({ version }) => version).sort()).toEqual([1, 2])
  })

  it.each([
    ['a piece that is missing', ['0'.repeat(64)], 1, 'a piece of shop is missing'],
    ['another count', undefined, 3, 'shop has 1 different items, not 3'],
  ])('is refused with %s', async (_what, pieces, items, message) => {
    const here = catalogues()
    const piece = await here.putPiece(encodePiece([boots]))
    const list = { name: 'shop', items, pieces: pieces ?? [piece] }

    await expect(here.put(list, 'ada')).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(message),
    })
    expect(await here.versions('shop')).toEqual([])
  })

  it.each([
    ['no list', {}],
    ['no items', []],
    ['an item without an id', [['', {}]]],
    ['an id that is too long', [['x'.repeat(41), {}]]],
    ['a value that conditions cannot read', [['a', { size: { width: 3 } }]]],
    ['a number that is none', [['a', { price: Number.NaN }]]],
    ['too many items', Array.from({ length: 1_001 }, (_, i) => [`i${i}`, {}])],
  ])('takes no piece with %s', async (_what, rows) => {
    await expect(catalogues().putPiece(encode(rows))).rejects.toMatchObject({ code: 'INVALID' })
  })

  it('takes no rubbish', async () => {
    await expect(catalogues().putPiece(Buffer.from('rubbish'))).rejects.toMatchObject({
      code: 'MALFORMED',
    })
  })
})

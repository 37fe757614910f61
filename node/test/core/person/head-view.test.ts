import type { EventRecord, Strength } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { conflictsOf } from '../../../src/core/person/conflicts.ts'
import { headOf, isHeadView } from '../../../src/core/person/head-view.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { batch, event, start } from '../../support/records.ts'
import { anon, at, email, user } from './heads.ts'

type Fields = { readonly [field: string]: unknown }

const hour = 60 * 60_000

function link(to: string, id: string, ms: number, strength: Strength = 'authenticated'): Fields {
  return { kind: 'link', id, key: anon, at: start + ms, to, strength }
}

/** The head of `anon` after these records. */
function headAfter(...records: readonly (Fields | EventRecord)[]) {
  const shard = new BareShard()
  shard.take(batch('p', 1, records), start + 24 * hour)
  expect(shard.letters).toEqual([])
  const fragment = shard.fragments.get(anon)
  return fragment && headOf(fragment)
}

describe('the head of a fragment', () => {
  it('says whom it is one person with, and what became of its links', () => {
    const head = headAfter(
      { ...link(user, 'l1', 1), channel: 'web' },
      link(email, 'l2', 2, 'observed'),
    )

    expect(head).toMatchObject({
      id: anon,
      tied: [user],
      links: [
        { to: email, state: 'unverified', reason: expect.any(String), strength: 'observed' },
        { to: user, state: 'valid', since: at(1), at: at(1), id: 'l1', channel: 'web', under: 0 },
      ],
      epochs: [],
    })
  })

  it('keeps who removed a link', () => {
    const unlink = { kind: 'unlink', id: 'u1', key: anon, at: start + 2, to: user, channel: 'call' }

    expect(headAfter(link(user, 'l1', 1), unlink)).toMatchObject({
      tied: [],
      links: [{ to: user, at: at(2), id: 'u1', channel: 'call' }],
    })
  })

  it('tells when a device changed hands', () => {
    const head = headAfter(
      link('user:18', 'l1', 0),
      { kind: 'logout', id: 'o1', key: anon, at: start + hour },
      link(user, 'l2', 2 * hour),
    )

    expect(head?.epochs).toEqual([
      { to: at(hour), isClaimed: true },
      { from: at(hour), to: at(2 * hour), isClaimed: false },
      { from: at(2 * hour), isClaimed: true },
    ])
    expect(head?.tied).toEqual(['user:18'])
  })

  it('lists a login that contradicts who had the device then', () => {
    const head = headAfter(
      link('user:18', 'l1', 0),
      { kind: 'logout', id: 'o1', key: anon, at: start + hour },
      link(user, 'l2', 1),
    )

    expect(head && conflictsOf(head)).toEqual([
      expect.objectContaining({ lower: anon, upper: user, state: 'refused', at: at(1), id: 'l2' }),
    ])
  })

  it('is none where nothing is known', () => {
    const shard = new BareShard()

    expect(headOf(shard.activate(anon))).toBeUndefined()
  })

  it('is read again from its JSON', () => {
    const head = headAfter(event(anon, 'e1', start), link(user, 'l1', 1))
    const read: unknown = JSON.parse(JSON.stringify(head))

    expect(read).toEqual(head)
    expect(isHeadView(read)).toBe(true)
    expect(isHeadView({ ...head, id: 'nobody' })).toBe(false)
    expect(isHeadView([])).toBe(false)
  })
})

import {
  encode,
  encodeBatch,
  type FragmentId,
  type OutboxRecord,
  parseIdentifier,
} from '@halfsecond/protocol'
import { describe, expect, test } from 'vitest'
import type { Copy } from '../../../src/core/identity/ties.ts'
import { encodePart } from '../../../src/core/profile/copy.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { batch, ownBatch, start } from '../../support/records.ts'

const eve = parseIdentifier('user:eve')
const ann = parseIdentifier('user:ann')
const mail = parseIdentifier('email:a@example.org')
const laptop = parseIdentifier('anon:laptop')

type Links = Copy['links']
type Unnumbered = OutboxRecord extends infer R ? (R extends unknown ? Omit<R, 'n'> : never) : never

/** One shard, told by others what the test says. */
class Listener extends BareShard {
  private heard = 0

  constructor(foldVersion: number) {
    super()
    this.take(ownBatch(1, 1, { kind: 'barrier', epoch: 1, foldVersion }), start, true)
  }

  hear(...records: readonly Unnumbered[]): void {
    const first = this.heard + 1
    const numbered = records.map((record) => encode({ ...record, n: ++this.heard }))
    this.take(encodeBatch('outbox:0', first, numbered), start, true)
  }

  /** As the home of the fragment hands it up, in a newer version each time. */
  copy(id: FragmentId, links: Links, overLimit: Links = []): void {
    const version = { sequence: this.heard + 1, index: 0 }
    const facts = { bornAt: -1, traits: null, consents: null, features: null }
    const fragment = encodePart({ id, version, links, overLimit, meantUntil: null, ...facts }, 0)
    this.hear(
      { kind: 'edge', from: id, to: eve, since: 1, also: null },
      { kind: 'copy', from: id, to: eve, id, fragment },
    )
  }

  /** What waits for other shards about links. */
  answers(): unknown[] {
    return [...this.state.outbox.rows(0)]
      .map(({ message }) => message)
      .filter(({ kind }) => kind === 'refuse' || kind === 'reinstate')
  }

  /** Nothing waits any more. */
  sent(): void {
    this.state.outbox.sent(0, Number.MAX_SAFE_INTEGER, () => {})
  }
}

const both = [
  { to: ann, since: 1 },
  { to: eve, since: 2 },
]
const refusal = {
  kind: 'refuse',
  from: eve,
  to: laptop,
  upper: eve,
  since: 2,
  reason: 'a profile has at most 1 user',
}

describe('a root', () => {
  test('says of a link that it is over a limit', () => {
    const root = new Listener(3)

    root.copy(laptop, both)

    expect(root.answers()).toEqual([{ ...refusal, isOverLimit: true }])
  })

  test('does not by rules below 3', () => {
    const root = new Listener(2)

    root.copy(laptop, both)

    expect(root.answers()).toEqual([refusal])
  })

  test('reinstates a link whose ends older ones connect, once', () => {
    const root = new Listener(3)
    root.copy(laptop, [{ to: mail, since: 1 }], [{ to: eve, since: 3 }])
    expect(root.answers()).toEqual([])

    root.copy(mail, [{ to: eve, since: 2 }])
    expect(root.answers()).toEqual([
      { kind: 'reinstate', from: eve, to: laptop, upper: eve, since: 3 },
    ])
    root.sent()
    root.copy(mail, [
      { to: eve, since: 2 },
      { to: ann, since: 9 },
    ])

    expect(root.answers()).toEqual([expect.objectContaining({ kind: 'refuse', upper: ann })])
  })

  test('answers anew where a copy says that its answer was overtaken', () => {
    const root = new Listener(3)
    root.copy(laptop, both)
    root.sent()

    root.copy(laptop, both)

    expect(root.answers()).toEqual([{ ...refusal, isOverLimit: true }])
  })
})

describe('the lower end of a link', () => {
  const link = { kind: 'link', key: laptop, id: 'l1', at: start, to: eve } as const
  const about = { from: eve, to: laptop, upper: eve, since: start } as const
  const refuse = { kind: 'refuse', ...about, reason: 'a profile has at most 1 user' } as const

  function told(foldVersion: number, refusal: Unnumbered): Listener {
    const home = new Listener(foldVersion)
    home.take(batch('web', 1, [{ ...link, strength: 'authenticated' }]), start)
    home.hear(refusal)
    expect(stateOf(home)).toBe('refused')
    home.snapshot()
    return home
  }

  function stateOf(home: Listener): string | undefined {
    return home.fragments.get(laptop)?.ties?.links.get(eve)?.state
  }

  test('holds it again once it is reinstated', () => {
    const home = told(3, { ...refuse, isOverLimit: true })

    home.hear({ kind: 'reinstate', ...about, since: start + 1 })
    expect(stateOf(home)).toBe('refused')

    home.hear({ kind: 'reinstate', ...about })
    expect(home.fragments.get(laptop)?.ties?.links.get(eve)).toMatchObject({
      since: start,
      state: 'valid',
      reason: '',
    })
  })

  test('does not where no limit refused it', () => {
    const home = told(3, refuse)

    home.hear({ kind: 'reinstate', ...about })

    expect(stateOf(home)).toBe('refused')
  })

  test('does not where rules below 3 refused it', () => {
    const home = told(2, { ...refuse, isOverLimit: true })

    home.hear({ kind: 'reinstate', ...about })

    expect(stateOf(home)).toBe('refused')
  })
})

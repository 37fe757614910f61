import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changesIn } from '../../../src/core/learning/candidate-changes.ts'
import { type CandidateRow, CandidateRows } from '../../../src/core/learning/candidate-rows.ts'

const arm = fc.constantFrom('boots banner', 'boots large', 'coats banner', 'fallback')
const some = fc.array(fc.record({ person: fc.nat(4), before: arm, after: arm }), { maxLength: 40 })
type Some = Pick<CandidateRow, 'person' | 'before' | 'after'> &
  Partial<Pick<CandidateRow, 'othersBefore' | 'othersAfter'>>

describe('who gains and who loses an offer', () => {
  it('is what counting each offer by itself says', () => {
    fc.assert(
      fc.property(some, (all) => {
        const { offers } = changesIn(rowsOf(all))

        for (const offer of ['boots', 'coats']) {
          const has = (one: string) => one.startsWith(`${offer} `)
          const before = all.filter((row) => has(row.before))
          const after = all.filter((row) => has(row.after))
          const found = offers.find((one) => one.offer === offer)
          if (before.length + after.length === 0) {
            expect(found).toBeUndefined()
            continue
          }
          expect(found?.decisions).toEqual({
            before: before.length,
            after: after.length,
            gained: after.filter((row) => !has(row.before)).length,
            lost: before.filter((row) => !has(row.after)).length,
          })
          const were = new Set(before.map(({ person }) => person))
          const are = new Set(after.map(({ person }) => person))
          expect(found?.people).toEqual({
            before: were.size,
            after: are.size,
            gained: [...are].filter((one) => !were.has(one)).length,
            lost: [...were].filter((one) => !are.has(one)).length,
          })
        }
        expect(offers.some(({ offer }) => offer === 'fallback')).toBe(false)
      }),
    )
  })

  it('is nobody where the same is shown', () => {
    const all = [
      { person: 1, before: 'boots banner', after: 'boots banner' },
      { person: 2, before: 'fallback', after: 'fallback' },
    ]

    const { agreement, reachBefore, reachAfter, offers } = changesIn(rowsOf(all))

    expect({ agreement, reachBefore, reachAfter }).toEqual({
      agreement: 1,
      reachBefore: 0.5,
      reachAfter: 0.5,
    })
    const once = { before: 1, after: 1, gained: 0, lost: 0 }
    expect(offers).toEqual([{ offer: 'boots', decisions: once, people: once }])
  })

  it('counts an offer once, in whatever slot it stands', () => {
    const rows = rowsOf([
      {
        person: 1,
        before: 'a x',
        othersBefore: ['b x'],
        after: 'b x',
        othersAfter: ['a x', 'c x'],
      },
      { person: 1, before: 'b x', after: 'b x' },
      { person: 2, before: 'd x', othersBefore: ['d y'], after: 'fallback' },
    ])
    const joined = new CandidateRows('hero')
    joined.addParts(rowsOf([{ person: 3, before: 'z x', after: 'z x' }]).parts())
    joined.addParts(rows.parts())

    const { offers, agreement } = changesIn(joined)

    expect(agreement).toBe(0.5)
    const one = { before: 1, after: 1, gained: 0, lost: 0 }
    const gained = { before: 0, after: 1, gained: 1, lost: 0 }
    const lost = { before: 1, after: 0, gained: 0, lost: 1 }
    expect(offers).toEqual([
      { offer: 'c', decisions: gained, people: gained },
      { offer: 'd', decisions: lost, people: lost },
      { offer: 'a', decisions: one, people: one },
      { offer: 'b', decisions: { ...one, before: 2, after: 2 }, people: one },
      { offer: 'z', decisions: one, people: one },
    ])
  })

  it('tells other items of the same offer from the very same', () => {
    const rows = rowsOf([{ person: 1, before: 'a x', after: 'a x' }])
    rows.add({ ...plain, isSame: false, isSameButItems: true })
    rows.add({ ...plain, isSame: false, isSameButItems: false })

    const { agreement, otherItems } = changesIn(rows)

    expect([agreement, otherItems]).toEqual([1 / 3, 1 / 3])
  })

  it('of no decisions is nothing', () => {
    expect(changesIn(rowsOf([]))).toEqual({
      agreement: 0,
      otherItems: 0,
      reachBefore: 0,
      reachAfter: 0,
      offers: [],
    })
  })
})

function rowsOf(all: readonly Some[]): CandidateRows {
  const rows = new CandidateRows('hero')
  for (const one of all)
    rows.add({
      ...plain,
      ...one,
      isSame: one.before === one.after,
      isSameButItems: one.before === one.after,
      probability: one.before === one.after ? 1 : 0,
      drawn: one.after,
    })
  return rows
}

const plain: CandidateRow = {
  person: 1,
  before: 'a x',
  after: 'a x',
  othersBefore: [],
  othersAfter: [],
  isSame: true,
  isSameButItems: true,
  bucket: '',
  reward: 0,
  oneOf: 1,
  propensity: 1,
  probability: 1,
  drawn: 'a x',
}

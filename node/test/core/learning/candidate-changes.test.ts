import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changesIn } from '../../../src/core/learning/candidate-changes.ts'
import { CandidateRows } from '../../../src/core/learning/candidate-rows.ts'

const arm = fc.constantFrom('boots banner', 'boots large', 'coats banner', 'fallback')
const some = fc.array(fc.record({ person: fc.nat(4), before: arm, after: arm }), { maxLength: 40 })
type Some = { readonly person: number; readonly before: string; readonly after: string }

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

  it('of no decisions is nothing', () => {
    expect(changesIn(rowsOf([]))).toEqual({
      agreement: 0,
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
      ...one,
      isSame: one.before === one.after,
      bucket: '',
      reward: 0,
      oneOf: 1,
      propensity: 1,
      probability: one.before === one.after ? 1 : 0,
      drawn: one.after,
    })
  return rows
}

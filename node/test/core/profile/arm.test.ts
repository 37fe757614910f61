import { encode, type FragmentId, identifierOf, isFragmentId } from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import vectors from '../../../../protocol/vectors/arms.json' with { type: 'json' }
import { hash64Hex } from '../../../src/core/digest.ts'
import { type Arm, armOf, eldestOf } from '../../../src/core/profile/arm.ts'

const halves: readonly Arm[] = [
  { name: 'control', share: 0.5 },
  { name: 'new', share: 0.5 },
]

function part(name: string, bornAt: number) {
  return { id: identifierOf('anon', name), bornAt }
}

/** Computed with another program, from the specification. */
test.each(vectors.cases)('in $experiment, $fragment is in the published arm', (one) => {
  const { experiment, fragment, arms, arm, hash } = one

  expect(hash64Hex(encode([experiment, fragment]))).toBe(hash)
  expect(armOf(experiment, arms, idOf(fragment)).name).toBe(arm)
})

function idOf(text: string): FragmentId {
  if (!isFragmentId(text)) throw new TypeError(`${text} names no fragment`)
  return text
}

const parts = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 3, unit: 'binary-ascii' }).filter(isPlain),
    bornAt: fc.integer({ min: -1, max: 5 }),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 6 },
)

function isPlain(name: string): boolean {
  return /^[a-z0-9]+$/.test(name)
}

test('ID-14 the arm of a merged profile is that of its eldest fragment, and a split gives back both', () => {
  fc.assert(
    fc.property(parts, parts, (left, right) => {
      const one = left.map(({ name, bornAt }) => part(`l${name}`, bornAt))
      const other = right.map(({ name, bornAt }) => part(`r${name}`, bornAt))
      const both = armOf('hero', halves, eldestOf([...one, ...other]).id)

      const reversed = [...other, ...one].toReversed()
      expect(both).toBe(armOf('hero', halves, eldestOf(reversed).id))
      const [ofOne, ofOther] = [eldestOf(one), eldestOf(other)]
      expect([ofOne, ofOther].map(({ id }) => armOf('hero', halves, id))).toContain(both)
      expect([ofOne, ofOther]).toContain(eldestOf([...one, ...other]))
    }),
  )
})

test('arms keep their shares', () => {
  const arms = [
    { name: 'a', share: 0.1 },
    { name: 'b', share: 0.3 },
    { name: 'c', share: 0.6 },
  ]
  const counts = new Map<string, number>()
  const people = 100_000
  for (let i = 0; i < people; i++) {
    const arm = armOf('shares', arms, part(`v${i}`, 1).id).name
    counts.set(arm, (counts.get(arm) ?? 0) + 1)
  }

  const chiSquare = arms.reduce((sum, { name, share }) => {
    const expected = people * share
    return sum + ((counts.get(name) ?? 0) - expected) ** 2 / expected
  }, 0)

  // 99.9 % of all fair draws of three arms stay below.
  expect(chiSquare).toBeLessThan(13.82)
})

import { bounds, type Value } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketBy } from '../../../src/core/learning/bucket.ts'
import { bucketChars, readTrial, trialText } from '../../../src/core/learning/trial.ts'

function bucketOf(...values: readonly (Value | undefined)[]): string {
  return bucketBy<null>(values.map((value) => () => value))(null)
}

/** The longest that the bounds of a playbook allow. */
const longestLesson = `later accept ${30 * 86_400_000} ${90 * 86_400_000}`

describe('the name of a bucket', () => {
  it('is what tells it apart, with | between', () => {
    expect(bucketOf('gold', true, 3)).toBe('gold|true|3')
    expect(bucketOf('gold')).toBe('gold')
  })

  it('is empty where nothing tells buckets apart', () => {
    expect(bucketOf()).toBe('')
  })

  it('has ? for what is unknown, and for what is no whole number', () => {
    expect(bucketOf(undefined, 1.5, 'web', null)).toBe('?|?|web|?')
  })

  it.each([
    ['a|b', 'a_b'],
    ['a\nb', 'a_b'],
    ['a\u2028b', 'a_b'],
    ['a\u202eb', 'a_b'],
    ['a\ud800b', 'a_b'],
    ['\ufeffb', '_b'],
    ['Zürich 🎿', 'Zürich 🎿'],
  ])('has nothing of %j that would break it', (value, part) => {
    expect(bucketOf(value)).toBe(part)
  })

  it('gives each its share where all are too long, so that each keeps its place', () => {
    const share = (bucketChars - 2) / 3
    const bucket = bucketOf('a'.repeat(200), 'web', 'c'.repeat(200))

    expect(bucket).toBe(`${'a'.repeat(Math.floor(share))}|web|${'c'.repeat(Math.floor(share))}`)
  })

  it('is never cut inside a character', () => {
    expect(bucketOf(`${'a'.repeat(bucketChars - 1)}🎿`)).toBe('a'.repeat(bucketChars - 1))
  })

  it('fits a token behind the longest lesson, and is read back whatever its values are', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 150 }),
      fc.string({ unit: 'binary-ascii', maxLength: 150 }),
      fc.boolean(),
      fc.double(),
      fc.constant(undefined),
    )
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        const bucket = bucketOf(...values)
        const trial = trialText(longestLesson, bucket)

        expect(trial.length).toBeLessThanOrEqual(bounds.trialChars)
        expect(readTrial(trial)?.bucket).toBe(bucket)
        expect(bucket.split('|')).toHaveLength(Math.max(1, values.length))
        expect(bucket.isWellFormed()).toBe(true)
        expect(bucket).not.toMatch(/\p{Cc}/u)
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ulid, ulidTime } from '../src/ids.ts'
import { idFault } from '../src/validate.ts'

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 })

describe('a ULID', () => {
  it('holds its time and is a valid id', () => {
    fc.assert(
      fc.property(time, bytes, (at, random) => {
        const id = ulid(at, () => random)
        expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
        expect(ulidTime(id)).toBe(at)
        expect(idFault('id', id)).toBeUndefined()
      }),
    )
  })

  it('sorts by time', () => {
    fc.assert(
      fc.property(time, time, bytes, (a, b, random) => {
        const make = (at: number) => ulid(at, () => random)
        expect(Math.sign(a - b)).toBe(make(a) < make(b) ? -1 : make(a) > make(b) ? 1 : 0)
      }),
    )
  })

  it.each([
    ['', 'nothing'],
    ['01ARZ3NDEKTSV4RRFFQ69G5FA', '25 characters'],
    ['01ARZ3NDEKTSV4RRFFQ69G5FAVX', '27 characters'],
    ['01arz3ndektsv4rrffq69g5fav', 'lower case'],
    ['O1ARZ3NDEKTSV4RRFFQ69G5FAV', 'the letter O'],
    ['8ZZZZZZZZZZZZZZZZZZZZZZZZZ', 'a time of 49 bits'],
  ])('is not %j: %s', (id) => {
    expect(ulidTime(id)).toBeUndefined()
  })

  it('is read as its specification reads it', () => {
    expect(ulidTime('01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(1_469_922_850_259)
  })
})

import { describe, expect, it } from 'vitest'
import {
  builtInNamespaces,
  compareIdentifiers,
  decode,
  decodeAnswers,
  decodeBatch,
  encode,
  encodeBatch,
  exportPositions,
  fnv1a32,
  guard,
  identifierOf,
  importPositions,
  isFields,
  isOwnRecord,
  parseIdentifier,
  parseQuestions,
  parseShardMap,
  recordFault,
  shardOf,
  ulid,
  ulidTime,
} from '../src/index.ts'
import { TokenKeys } from '../src/token.ts'
import answers from '../vectors/answers.json' with { type: 'json' }
import batches from '../vectors/batches.json' with { type: 'json' }
import guardFrames from '../vectors/guard.json' with { type: 'json' }
import identifiers from '../vectors/identifiers.json' with { type: 'json' }
import ids from '../vectors/ids.json' with { type: 'json' }
import maps from '../vectors/maps.json' with { type: 'json' }
import ownRecords from '../vectors/own-records.json' with { type: 'json' }
import partition from '../vectors/partition.json' with { type: 'json' }
import positions from '../vectors/positions.json' with { type: 'json' }
import questions from '../vectors/questions.json' with { type: 'json' }
import records from '../vectors/records.json' with { type: 'json' }
import tokens from '../vectors/tokens.json' with { type: 'json' }
import { thrownBy } from './arbitraries.ts'
import { readPlain, toPlain } from './plain-msgpack.ts'

/* What another implementation would do with the vectors: only the JSON files are read. */

describe('the guard', () => {
  it.each(guardFrames.accepted)('lets pass $name', ({ hex }) => {
    const bytes = bytesOf(hex)
    guard(bytes)
    expect(toPlain(decode(bytes))).toStrictEqual(readPlain(bytes))
  })

  it.each(guardFrames.refused)('refuses $name', ({ hex, code }) => {
    expect(thrownBy(() => guard(bytesOf(hex)))).toMatchObject({ code })
    expect(thrownBy(() => decode(bytesOf(hex)))).toMatchObject({ code })
  })
})

describe('identifiers', () => {
  it.each(identifiers.canonical)('of $namespace become $canonical', (vector) => {
    expect(identifierOf(vector.namespace, vector.value)).toBe(vector.canonical)
    expect(parseIdentifier(vector.canonical)).toBe(vector.canonical)
  })

  it.each(identifiers.refused)(
    'of $namespace may not be "$value"',
    ({ namespace, value, code }) => {
      expect(thrownBy(() => identifierOf(namespace, value))).toMatchObject({ code })
    },
  )

  it('have one order', () => {
    const rising = identifiers.order.map((text) => parseIdentifier(text))
    for (const [at, greater] of rising.entries()) {
      for (const less of rising.slice(0, at)) {
        expect(compareIdentifiers(less, greater, builtInNamespaces)).toBeLessThan(0)
        expect(compareIdentifiers(greater, less, builtInNamespaces)).toBeGreaterThan(0)
      }
      expect(compareIdentifiers(greater, greater, builtInNamespaces)).toBe(0)
    }
  })
})

it.each(partition.cases)('the home of "$text"', ({ text, utf8, hash, shards }) => {
  expect(hexOf(new TextEncoder().encode(text))).toBe(utf8)
  expect(fnv1a32(text)).toBe(hash)
  for (const [count, shard] of Object.entries(shards))
    expect(shardOf(text, Number(count))).toBe(shard)
})

describe('ids', () => {
  it.each(ids.ulids)('$ulid', ({ at, random, ulid: text }) => {
    expect(ulid(at, () => bytesOf(random))).toBe(text)
    expect(ulidTime(text)).toBe(at)
  })

  it.each(ids.none)('"%s" is none', (text) => {
    expect(ulidTime(text)).toBeUndefined()
  })
})

describe('positions', () => {
  it.each(positions.cases)('$text', ({ positions: wire, text }) => {
    const listed = wire.map(([shard = -1, incarnation = -1, sequence = -1]) => {
      return { shard, incarnation, sequence }
    })
    expect(exportPositions(listed)).toBe(text)
    expect(importPositions(text)).toStrictEqual(listed)
  })

  it.each(positions.refused)('$text is refused', ({ text, code }) => {
    expect(thrownBy(() => importPositions(text))).toMatchObject({ code })
  })
})

describe('records of channels', () => {
  it.each(records.accepted)('are valid: $name', ({ record, hex }) => {
    expectSame(record, hex)
    expect(recordFault(record, builtInNamespaces)).toBeUndefined()
  })

  it.each(records.refused)('are refused: $name', ({ record }) => {
    expect(recordFault(record, builtInNamespaces)).toBeTypeOf('string')
    expect(recordFault(decode(encode(record)), builtInNamespaces)).toBeTypeOf('string')
  })
})

describe('records of nodes', () => {
  it.each(ownRecords.accepted)('are valid: $name', ({ record, hex }) => {
    expectSame(record, hex)
    expect(isOwnRecord(record)).toBe(true)
  })

  it.each(ownRecords.refused)('are refused: $name', ({ record }) => {
    expect(isOwnRecord(record)).toBe(false)
  })
})

describe('batches', () => {
  it.each(batches.cases)('$name', ({ batch, hex }) => {
    const { spans, ...decoded } = decodeBatch(bytesOf(hex))
    expect(decoded).toStrictEqual(batch)
    expect(spans.count).toBe(batch.records.length)
    expect(hexOf(encodeBatch(batch.producer, batch.n, batch.records.map(encode)))).toBe(hex)
    expectSame(batch, hex)
  })

  it.each(batches.refused)('are refused: $name', ({ hex, code }) => {
    expect(thrownBy(() => decodeBatch(bytesOf(hex)))).toMatchObject({ code })
  })
})

describe('frames of questions', () => {
  it.each(questions.cases)('$name', ({ frame, hex }) => {
    const value = withBytes(frame)
    expectSame(value, hex)
    const asked = isFields(value) ? value.questions : undefined
    expect(parseQuestions(decode(bytesOf(hex)), builtInNamespaces)).toStrictEqual(asked)
  })

  it.each(questions.refused)('answer an error in its place: $name', ({ hex, code }) => {
    expect(parseQuestions(decode(bytesOf(hex)), builtInNamespaces)).toMatchObject([
      { kind: 'error', error: { code } },
    ])
  })

  it.each(questions.refusedFrames)('are refused as a whole: $name', ({ hex, code }) => {
    const parsed = () => parseQuestions(decode(bytesOf(hex)), builtInNamespaces)
    expect(thrownBy(parsed)).toMatchObject({ code })
  })
})

describe('frames of answers', () => {
  it.each(answers.cases)('$name', ({ frame, hex }) => {
    expect(hexOf(encode(frame))).toBe(hex)
    expect(decodeAnswers(bytesOf(hex))).toStrictEqual(frame)
  })

  it.each(answers.refused)('are refused: $name', ({ hex, code }) => {
    expect(thrownBy(() => decodeAnswers(bytesOf(hex)))).toMatchObject({ code })
  })
})

describe('shard maps', () => {
  it.each(maps.accepted)('$name', ({ map, hex }) => {
    expectSame(map, hex)
    expect(parseShardMap(decode(bytesOf(hex)))).toStrictEqual(map)
  })

  it.each(maps.refused)('are refused: $name', ({ map }) => {
    expect(thrownBy(() => parseShardMap(map))).toMatchObject({ code: 'MALFORMED' })
  })
})

describe('tokens', () => {
  it.each(tokens.cases)('$name', ({ keys, token, text }) => {
    const said = { ...token, key: parseIdentifier(token.key) }
    const signed = keys.split(',').map((key) => new TokenKeys(key).sign(said))
    expect(signed).toContain(text)
    for (const now of [0, token.expiresAt])
      expect(new TokenKeys(keys).verify(text, now)).toStrictEqual(token)
  })

  it.each(tokens.refused)('are refused: $name', ({ keys, now, text, code }) => {
    expect(thrownBy(() => new TokenKeys(keys).verify(text, now))).toMatchObject({ code })
  })
})

/** The value makes these bytes, and the bytes make the value. */
function expectSame(value: unknown, hex: string): void {
  expect(hexOf(encode(value))).toBe(hex)
  expect(toPlain(decode(bytesOf(hex)))).toStrictEqual(toPlain(value))
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** JSON has no bytes: `{"$bytes": hex}` stands for them. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes)
  if (!isFields(value)) return value
  if (typeof value.$bytes === 'string') return bytesOf(value.$bytes)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withBytes(one)]))
}

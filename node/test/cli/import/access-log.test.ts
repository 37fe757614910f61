import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { builtInNamespaces } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { needs, referenceData, referenceFolder } from '../../../../deploy/test/requirements.ts'
import {
  isAccessLine,
  parseAccessTime,
  readAccessLine,
} from '../../../src/cli/import/access-log.ts'

function read(text: string) {
  const row = readAccessLine({ number: 7, text, isWhole: true }, builtInNamespaces)
  if ('fault' in row) return row.fault
  if (row.draft.kind !== 'event') throw new Error('not an event')
  return { visitor: row.draft.key, at: row.draft.at, properties: row.draft.properties }
}

const head = '1.2.3.4 - - [17/May/2015:10:05:03 +0000]'

describe('a line of an access log', () => {
  it('is a page event of the client address, at its own time, with all that it says', () => {
    const line = `${head} "GET /a?b=c HTTP/1.1" 200 512 "http://x/" "Mozilla/5.0 (X11)"`

    expect(read(line)).toEqual({
      visitor: 'anon:1.2.3.4',
      at: Date.parse('2015-05-17T10:05:03Z'),
      properties: {
        method: 'GET',
        path: '/a?b=c',
        status: 200,
        bytes: 512,
        protocol: 'HTTP/1.1',
        referrer: 'http://x/',
        agent: 'Mozilla/5.0 (X11)',
      },
    })
  })

  it.each([
    ['a dash for the request', '"-" 408 -', { path: '-', status: 408, bytes: 0 }],
    ['an empty request', '"" 400 0', { path: '', status: 400, bytes: 0 }],
    ['one word', '"quit" 501 12', { path: 'quit', status: 501, bytes: 12 }],
    ['two words', '"GET /" 200 1', { method: 'GET', path: '/', status: 200, bytes: 1 }],
    [
      'two spaces',
      '"GET  /x" 400 1',
      { method: 'GET', path: '', status: 400, bytes: 1, protocol: '/x' },
    ],
    ['spaces in the path', '"GET /a b HTTP/1.1" 200 1', { path: '/a', protocol: 'b HTTP/1.1' }],
    ['escaped quotes', '"GET /a\\"b HTTP/1.1" 200 1', { path: '/a\\"b' }],
    ['an escaped backslash at the end', '"GET /a\\\\" 200 1', { path: '/a\\\\' }],
    ['escaped bytes', '"\\x16\\x03\\x01" 400 226', { path: '\\x16\\x03\\x01', status: 400 }],
    ['no bytes', '"GET / HTTP/1.0" 304 -', { bytes: 0 }],
    ['no referrer, no agent', '"GET / HTTP/1.0" 200 1 "-" "-"', { status: 200 }],
    ['something behind the bytes', '"GET / HTTP/1.0" 200 1x "a', { bytes: 1 }],
    ['a quote in the agent', '"GET / HTTP/1.0" 200 1 "-" "a \\"b\\""', { agent: 'a \\"b\\"' }],
  ])('reads a request with %s', (_, rest, properties) => {
    expect(read(`${head} ${rest}`)).toMatchObject({ visitor: 'anon:1.2.3.4', properties })
  })

  it.each([
    ['', /not a line/],
    ['# a comment', /not a line/],
    ['1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 20 1', /not a line/],
    ['1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /" HTTP/1.1" 200 1', /not a line/],
    ['1.2.3.4  - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', /not a line/],
    [' 1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', /not a line/],
    ['1.2.3.4 - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', /no time/],
    ['1.2.3.4 - - [17/Foo/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', /no time/],
    ['1.2.3.4 - - [17/May/2015:24:05:03 +0000] "GET / HTTP/1.1" 200 1', /no time/],
    ['1.2.3.4 - - [17/May/2015:10:05:03] "GET / HTTP/1.1" 200 1', /no time/],
    ['unknown - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', /placeholder/],
    [`${'a'.repeat(300)} - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1`, /longer/],
  ])('refuses %j and says why', (line, why) => {
    expect(read(line)).toMatch(why)
  })

  it('reads its time exactly, whatever the zone', () => {
    expect(parseAccessTime('17/May/2015:10:05:03 +0000')).toBe(1431857103000)
    expect(parseAccessTime('17/May/2015:10:05:03 +0530')).toBe(1431857103000 - 19_800_000)
    expect(parseAccessTime('31/Dec/2015:23:59:59 -0800')).toBe(Date.parse('2016-01-01T07:59:59Z'))
    expect(parseAccessTime('29/Feb/2016:00:00:00 +0000')).toBe(Date.parse('2016-02-29'))
  })

  it('keeps the beginning and a hash of a text that is too long, and says so', () => {
    const long = (end: string) => `${head} "GET /${'é'.repeat(20_000)}${end} HTTP/1.1" 200 1`

    const first = read(long('a'))
    const second = read(long('b'))

    if (typeof first === 'string' || typeof second === 'string') throw new Error('refused')
    expect(first.properties.shortened).toEqual(['path'])
    expect(Buffer.byteLength(String(first.properties.path))).toBeLessThanOrEqual(8 * 1024)
    expect(String(first.properties.path)).toMatch(/^\/é+…[0-9a-f]{16}$/)
    expect(first.properties.path).not.toBe(second.properties.path)
  })

  it('keeps a path of the longest request line that servers accept', () => {
    const path = `/${'a'.repeat(8_100)}`

    expect(read(`${head} "GET ${path} HTTP/1.1" 200 1`)).toMatchObject({ properties: { path } })
  })

  it('comes back as it was written, whatever stands in it', () => {
    const month = fc.constantFrom(...'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' '))
    const two = (max: number, min = 0) =>
      fc.integer({ min, max }).map((value) => String(value).padStart(2, '0'))
    const inside = fc
      .string({
        unit: fc.constantFrom('a', '/', '?', '\\"', '\\\\', '\\x0a', ' ', 'ü', '[', ']', '…'),
      })
      .filter((text) => text.length < 100)
    const line = fc.record({
      address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
      user: fc.constantFrom('-', 'frank', '""', '[x]'),
      day: two(28, 1),
      month,
      year: fc.integer({ min: 1971, max: 2037 }),
      hour: two(23),
      minute: two(59),
      second: two(59),
      zone: fc.constantFrom('+0000', '-0330', '+1400'),
      request: inside,
      status: fc.integer({ min: 100, max: 999 }),
      bytes: fc.oneof(fc.constant('-'), fc.nat().map(String)),
    })

    fc.assert(
      fc.property(line, (it) => {
        const { address, user, day, month, year, hour, minute, second, zone } = it
        const time = `${day}/${month}/${year}:${hour}:${minute}:${second} ${zone}`
        const text = `${address} - ${user} [${time}] "${it.request}" ${it.status} ${it.bytes}`
        const words = it.request.split(' ')

        const result = read(text)

        if (typeof result === 'string') throw new Error(result)
        expect(result.visitor).toBe(`anon:${address}`)
        expect(result.at).toBe(
          Date.parse(`${day} ${month} ${year} ${hour}:${minute}:${second} ${zone}`),
        )
        expect(result.properties.path).toBe(words.length > 1 ? words[1] : it.request)
        expect(result.properties.status).toBe(it.status)
      }),
      { numRuns: 500 },
    )
  })

  it('never throws, and accepts nothing that it would not take for a line', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'1.- []"\\/:+GET0259May\n\t') })

    fc.assert(
      fc.property(
        fc.oneof(
          noise,
          noise.map((rest) => `${head} ${rest}`),
        ),
        (text) => {
          const result = read(text)
          if (typeof result !== 'string') expect(isAccessLine(text)).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('the reference log', needs(referenceData), () => {
  it('has no line that cannot be read', () => {
    const log = gunzipSync(
      readFileSync(join(referenceFolder, 'data', 'apache-access.log.gz')),
    ).toString('utf8')
    const lines = log.split('\n').filter((line) => line !== '')

    const refused = lines.filter((line) => typeof read(line) === 'string')

    expect(lines.length).toBe(10_000)
    expect(refused).toEqual([])
  })
})

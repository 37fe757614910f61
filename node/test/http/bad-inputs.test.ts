import { gzipSync } from 'node:zlib'
import { bounds, encode, encodeBatch } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { type RawAnswer, requestOf, sendRaw } from './support/raw-request.ts'
import { post, startServer } from './support/running-server.ts'

const json = 'content-type: application/json'
const msgpack = 'content-type: application/msgpack'

function events(body: string | Uint8Array, ...headers: string[]): Uint8Array {
  return requestOf('POST', '/v1/events', headers.length > 0 ? headers : [json], body)
}

function record(fields: string): Uint8Array {
  return events(`{"records":[{"kind":"event","id":"1","key":"anon:x","name":"page",${fields}}]}`)
}

function decide(fields: object): Uint8Array {
  const body = { identifiers: { anon: 'x' }, placements: ['home'], ...fields }
  return requestOf('POST', '/v1/decide', [json], JSON.stringify(body))
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const ok = '{"records":[{"kind":"event","id":"1","key":"anon:x","name":"page","properties":{}}]}'
const many = (count: number, one: unknown) => Array.from({ length: count }, () => one)
const logout = { kind: 'logout', id: '1', key: 'anon:x' }
const tick = encode({ kind: 'tick', id: '1', key: 'anon:x', at: 1, epoch: 1, wall: 1 })

type Row = [what: string, request: Uint8Array | string, status: number, code: string]

/** Every kind of rubbish, and the answer that is documented for it. */
const onPublic: Row[] = [
  ['no body', events(''), 400, 'MALFORMED'],
  ['text that is not JSON', events('hello'), 400, 'MALFORMED'],
  ['JSON cut off', events(ok.slice(0, -1)), 400, 'MALFORMED'],
  ['something behind the JSON', events(`${ok}x`), 400, 'MALFORMED'],
  ['text that is not UTF-8', events(Buffer.from([0x22, 0xff, 0x22])), 400, 'MALFORMED'],
  ['UTF-16', events(Buffer.from(ok, 'utf16le')), 400, 'MALFORMED'],
  ['NaN', record('"properties":{"a":NaN}'), 400, 'MALFORMED'],
  ['a number beyond all', record('"properties":{"a":1e999}'), 422, 'INVALID'],
  ['a lone surrogate', record('"properties":{"a":"\\ud800"}'), 422, 'INVALID'],
  ['__proto__', record('"properties":{"__proto__":{"a":1}}'), 400, 'MALFORMED'],
  ['__proto__ in escapes', record('"properties":{"__pr\\u006fto__":1}'), 400, 'MALFORMED'],
  ['__proto__ of a record', record('"__proto__":{},"properties":{}'), 400, 'MALFORMED'],
  ['constructor', record('"properties":{"constructor":{"prototype":{}}}'), 400, 'MALFORMED'],
  ['depth 9', record('"properties":{"a":{"b":{"c":{"d":{"e":{}}}}}}'), 413, 'TOO_LARGE'],
  ['five levels of properties', record('"properties":{"a":{"b":{"c":{"d":{}}}}}'), 422, 'INVALID'],
  ['depth 100,000', events(nested(100_000)), 413, 'TOO_LARGE'],
  ['no records', events('{}'), 422, 'INVALID'],
  ['an empty list', events('{"records":[]}'), 422, 'INVALID'],
  ['records that are a map', events('{"records":{}}'), 422, 'INVALID'],
  ['a list instead of a map', events('[]'), 422, 'INVALID'],
  ['null', events('null'), 400, 'MALFORMED'],
  ['null as a record', events('{"records":[null]}'), 422, 'INVALID'],
  ['4,097 records', events(JSON.stringify({ records: many(4_097, 0) })), 413, 'TOO_LARGE'],
  ['a body above the bound', events(`${ok}${' '.repeat(bounds.frameBytes)}`), 413, 'TOO_LARGE'],
  ['an unknown kind', events(ok.replace('"event"', '"party"')), 422, 'INVALID'],
  ['a tick from a channel', events(ok.replace('"event"', '"tick"')), 422, 'INVALID'],
  ['a primary from a channel', events(ok.replace('"event"', '"primary"')), 422, 'INVALID'],
  ['a reserved name', events(ok.replace('"page"', '"accept"')), 422, 'INVALID'],
  ['no id', events(ok.replace('"id":"1",', '')), 422, 'INVALID'],
  ['no key', events(ok.replace('"key":"anon:x",', '')), 422, 'INVALID'],
  ['a key that is a number', events(ok.replace('"anon:x"', '17')), 422, 'INVALID'],
  ['an unknown namespace', events(ok.replace('anon:x', 'ssn:x')), 422, 'UNKNOWN_NAMESPACE'],
  ['a placeholder', events(ok.replace('anon:x', 'anon:undefined')), 422, 'INVALID'],
  ['an empty value', events(ok.replace('anon:x', 'anon:')), 422, 'INVALID'],
  ['a NUL', events(ok.replace('anon:x', 'anon:a\\u0000')), 422, 'INVALID'],
  ['a long value', events(ok.replace('anon:x', `anon:${'x'.repeat(9_999)}`)), 422, 'INVALID'],
  ['the year 275760', record('"at":8640000000000000,"properties":{}'), 422, 'INVALID'],
  ['a time in text', record('"at":"yesterday","properties":{}'), 422, 'INVALID'],
  ['a time before 1970', record('"at":-1,"properties":{}'), 422, 'INVALID'],
  ['a long text', record(`"properties":{"a":"${'x'.repeat(9_000)}"}`), 422, 'INVALID'],
  ['a long list', record(`"properties":{"a":${JSON.stringify(many(101, 1))}}`), 422, 'INVALID'],

  ['no content type', events(ok, 'x: y'), 415, 'MALFORMED'],
  ['text/plain', events(ok, 'content-type: text/plain'), 415, 'MALFORMED'],
  ['a form', events(ok, 'content-type: application/x-www-form-urlencoded'), 415, 'MALFORMED'],
  ['JSON garbage', events(ok, 'content-type: application/json garbage'), 415, 'MALFORMED'],
  [
    'a gzip bomb',
    events(gzipSync(Buffer.alloc(64 * 1024 * 1024)), json, 'content-encoding: gzip'),
    415,
    'MALFORMED',
  ],

  ['MessagePack of nothing', events('', msgpack), 400, 'MALFORMED'],
  ['0xc1', events(Buffer.from([0xc1]), msgpack), 400, 'MALFORMED'],
  ['an array of 2^32', events(Buffer.from('ddffffffff', 'hex'), msgpack), 413, 'TOO_LARGE'],
  ['bytes of 2 GiB', events(Buffer.from('c67fffffff', 'hex'), msgpack), 400, 'MALFORMED'],
  ['100,000 levels', events(Buffer.alloc(100_000, 0x91), msgpack), 413, 'TOO_LARGE'],
  ['an extension', events(Buffer.from('d47201', 'hex'), msgpack), 400, 'MALFORMED'],
  ['a map', events(encode({ a: 1 }), msgpack), 422, 'INVALID'],
  ['batches beyond the shards', events(encode(many(99, [1, tick])), msgpack), 413, 'TOO_LARGE'],

  ['an unknown placement', decide({ placements: ['attic'] }), 404, 'UNKNOWN_PLACEMENT'],
  ['no placement', decide({ placements: [] }), 422, 'INVALID'],
  ['17 placements', decide({ placements: many(17, 'home') }), 422, 'INVALID'],
  ['a placement of no text', decide({ placements: [5] }), 422, 'INVALID'],
  ['a long placement', decide({ placements: ['x'.repeat(65)] }), 422, 'INVALID'],
  ['no identifier', decide({ identifiers: {} }), 422, 'INVALID'],
  ['an id as a number', decide({ identifiers: { user: 9_007_199_254_740_992 } }), 422, 'INVALID'],
  ['17 identifiers', decide({ identifiers: many(17, 'anon:x') }), 413, 'TOO_LARGE'],
  ['deadline 0', decide({ deadline: 0 }), 422, 'INVALID'],
  ['a deadline of an hour', decide({ deadline: 3_600_000 }), 422, 'INVALID'],
  ['a position of no text', decide({ position: 5 }), 422, 'INVALID'],
  ['a position that is none', decide({ position: 'hs1.xx' }), 400, 'MALFORMED'],

  ['a wrong address', requestOf('GET', '/v2/events', []), 404, 'INVALID'],
  ['a way up', requestOf('GET', '/v1/../../etc/passwd', []), 404, 'INVALID'],
  ['an encoded slash', requestOf('GET', '/v1%2Fmap', []), 404, 'INVALID'],
  ['a wrong escape', requestOf('GET', '/v1/%zz', []), 400, 'MALFORMED'],
  ['GET of events', requestOf('GET', '/v1/events', []), 405, 'INVALID'],
  ['DELETE of events', requestOf('DELETE', '/v1/events', []), 405, 'INVALID'],
  ['OPTIONS of events', requestOf('OPTIONS', '/v1/events', []), 405, 'INVALID'],
  ['TRACE', requestOf('TRACE', '/v1/map', []), 405, 'INVALID'],
  ['a method that is none', requestOf('BREW', '/v1/map', []), 400, 'MALFORMED'],
  ['headers of 64 KiB', events(ok, json, `x: ${'y'.repeat(65_536)}`), 431, 'TOO_LARGE'],
  ['10,000 headers', events(ok, json, ...many(10_000, 'x: y').map(String)), 431, 'TOO_LARGE'],
  ['no HTTP', 'hello\r\n\r\n', 400, 'MALFORMED'],
  [
    'two lengths',
    'POST /v1/events HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx',
    400,
    'MALFORMED',
  ],
  [
    'a length and chunks',
    'POST /v1/events HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'MALFORMED',
  ],
]

const onAdmin: Row[] = [
  ['no namespace', requestOf('GET', '/v1/profiles/x', []), 422, 'INVALID'],
  ['an unknown namespace', requestOf('GET', '/v1/profiles/ssn:x', []), 422, 'UNKNOWN_NAMESPACE'],
  ['a NUL', requestOf('GET', '/v1/profiles/anon:%00', []), 422, 'INVALID'],
  ['a wrong escape', requestOf('GET', '/v1/profiles/anon:%zz', []), 400, 'MALFORMED'],
  ['no identifier', requestOf('GET', '/v1/profiles/', []), 422, 'INVALID'],
  ['a long one', requestOf('GET', `/v1/profiles/anon:${'x'.repeat(2_000)}`, []), 414, 'TOO_LARGE'],
  ['no token', requestOf('GET', '/v1/why', []), 422, 'INVALID'],
  ['two tokens', requestOf('GET', '/v1/why?token=a&token=b', []), 422, 'INVALID'],
  ['no playbook', requestOf('POST', '/v1/playbook', ['content-type: text/yaml']), 400, 'MALFORMED'],
  [
    'a huge playbook',
    requestOf('POST', '/v1/playbook', ['content-type: text/yaml'], 'x'.repeat(1_100_000)),
    413,
    'TOO_LARGE',
  ],
  [
    'a playbook as MessagePack',
    requestOf('POST', '/v1/playbook', [msgpack], encode('x')),
    400,
    'MALFORMED',
  ],
]

function expectProblem({ status, head, body }: RawAnswer, wanted: number, code: string): void {
  expect({ status, body: body.slice(0, 200) }).toMatchObject({ status: wanted })
  expect(head.toLowerCase()).toContain('content-type: application/problem+json')
  expect(JSON.parse(body)).toMatchObject({
    type: `/docs#${code}`,
    title: expect.any(String),
    status: wanted,
    detail: expect.any(String),
    code,
    retryable: false,
  })
  expect(body.length).toBeLessThan(500)
  expect(body).not.toContain('node_modules')
}

describe('bad input', () => {
  it.each(onPublic)('gets its error on the public port: %s', async (_, request, status, code) => {
    const node = new FakeNode()
    const { port, url, failures } = await startServer(node)

    const answer = await sendRaw(port, request)

    expectProblem(answer, status, code)
    expect(failures).toEqual([])
    expect(node.records).toEqual([])
    expect((await post(`${url}/v1/events`, JSON.parse(ok))).status).toBe(200)
  })

  it.each(onAdmin)('gets its error on the admin port: %s', async (_, request, status, code) => {
    const node = new FakeNode()
    const { adminPort, failures } = await startServer(node)

    const answer = await sendRaw(adminPort, request)

    expectProblem(answer, status, code)
    expect(failures).toEqual([])
    expect(node.playbooks).toEqual([])
  })

  it('names the methods that an address has', async () => {
    const { port } = await startServer(new FakeNode())

    const { head } = await sendRaw(port, requestOf('PUT', '/v1/map', []))

    expect(head.toLowerCase()).toContain('allow: get, head')
  })

  it('is refused in MessagePack where a channel writes what only nodes may', async () => {
    const node = new FakeNode()
    const { port } = await startServer(node)
    const body = encode([[1, encodeBatch('p', 1, [tick])]])

    const answer = await sendRaw(port, events(body, msgpack))

    expect(answer.status).toBe(200)
    expect(answer.body).toContain('INVALID')
    expect(node.records).toEqual([])
  })

  it('does not wait for ever for a body that does not come', async () => {
    const { port } = await startServer(new FakeNode())

    const answer = await sendRaw(
      port,
      'POST /v1/events HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n',
    )

    expectTimeout(answer)
  })

  it('is answered by a status without a word of what went wrong inside', async () => {
    const node = new FakeNode()
    const { port, failures } = await startServer(node)
    node.failure = new TypeError('secret of the inside')

    const frame = encode({ v: 1, questions: [] })
    const answer = await sendRaw(port, requestOf('POST', '/v1/decide', [msgpack], frame))

    expect(answer.status).toBe(500)
    expect(answer.body).not.toContain('secret')
    expect(failures).toEqual([node.failure])
  })

  const heavy: [string, Uint8Array][] = [
    ['4,096 faulty records', events(JSON.stringify({ records: many(4_096, {}) }))],
    ['4,096 good records', events(JSON.stringify({ records: many(4_096, logout) }))],
    ['many empty maps', events(`{"records":[${many(80_000, '{}').join()}]}`)],
    ['many escapes', events(`{"records":["${'\\u005f'.repeat(40_000)}"]}`)],
    ['depth', events(nested(100_000))],
    ['4,096 outcomes', requestOf('POST', '/v1/outcomes', [json], JSON.stringify(many(4_096, {})))],
    ['empty maps as MessagePack', events(Buffer.alloc(250_000, 0x80), msgpack)],
  ]
  it.each(heavy)('does not hold the loop for 10 ms: %s', async (_, request) => {
    const { port } = await startServer(new FakeNode())

    let least = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < 10 && least >= 10; attempt++)
      least = Math.min(least, await longestTurn(() => sendRaw(port, request)))

    expect(least).toBeLessThan(10)
  })
})

/**
 * Milliseconds of the longest turn of the event loop meanwhile: of this thread's work, so that what
 * other programs on the machine do is not held against it.
 */
async function longestTurn(run: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let isRunning = true
  let before = process.threadCpuUsage()
  const turn = () => {
    const { user, system } = process.threadCpuUsage(before)
    longest = Math.max(longest, (user + system) / 1_000)
    before = process.threadCpuUsage()
    if (isRunning) setImmediate(turn)
  }
  setImmediate(turn)
  await run()
  isRunning = false
  return longest
}

function expectTimeout({ status, body }: RawAnswer): void {
  expect(status).toBe(408)
  expect(JSON.parse(body)).toMatchObject({ code: 'TIMEOUT', retryable: true })
}

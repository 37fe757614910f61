/*
 * Writes the golden vectors beside this file: node protocol/vectors/write.ts
 *
 * They are part of the contract: a change of an existing one breaks every other implementation.
 * Its diff is the review; the test only replays what is committed.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  builtInNamespaces,
  compareIdentifiers,
  encode,
  encodeBatch,
  exportPositions,
  fallbackName,
  fnv1a32,
  HalfsecondError,
  identifierOf,
  type Namespaces,
  parseIdentifier,
  shardOf,
  toBase64url,
  ulid,
} from '../src/index.ts'
import { type Token, TokenKeys } from '../src/token.ts'
import { guardFrames } from './guard-frames.ts'
import {
  answers,
  maps,
  questions,
  refusedAnswers,
  refusedFrames,
  refusedQuestions,
} from './messages.ts'
import { ownRecords } from './own-records.ts'
import { acceptedRecords, refusedRecords } from './records.ts'

/** Beside this file, or where the first argument says. */
const folder = process.argv[2] ?? import.meta.dirname

const namespaces: Namespaces = builtInNamespaces

write('partition', {
  about: 'FNV-1a over UTF-8 bytes; shard = hash mod shards',
  cases: [
    '',
    'a',
    'foobar',
    'visitor42',
    'anon:4hG8',
    'user:42',
    'email:ann@example.com',
    'user:Straße',
    'crm:é',
    'anon:日本語',
    'push:😀',
  ].map((text) => ({
    text,
    utf8: hex(new TextEncoder().encode(text)),
    hash: fnv1a32(text),
    shards: { 16: shardOf(text, 16), 64: shardOf(text, 64), 256: shardOf(text, 256) },
  })),
})

const rising = [
  'user:a',
  'user:A',
  'crm:9',
  'crm:10',
  'crm:1',
  'email:a@example.com',
  'phone:+491',
  'push:a',
  'anon:\u{1f600}',
  'anon:\uffff',
  'anon:é',
  'anon:a',
].map((text) => parseIdentifier(text))

write('identifiers', {
  about: 'Canonical forms of raw values; values that are refused; all of `order` rising',
  canonical: [
    ['email', '  Ann@Example.COM '],
    ['email', 'JOSE\u0301@x.es'],
    ['phone', '+49 (30) 1234-567'],
    ['phone', '0049 30 1234567'],
    ['phone', '030 / 1234567'],
    ['user', ' u:42 '],
    ['user', 'Straße'],
    ['anon', 'e\u0301'],
    ['anon', '*.> /%2e'],
    ['crm', '\u00a0991\ufeff'],
    ['push', '😀'],
    ['user', 'x'.repeat(256)],
    ['user', 'é'.repeat(128)],
  ].map(([namespace = '', value = '']) => ({
    namespace,
    value,
    canonical: identifierOf(namespace, value),
  })),
  refused: [
    ['anon', ''],
    ['anon', ' \t'],
    ['anon', 'a\u0000'],
    ['anon', 'a\u0085'],
    ['anon', 'undefined'],
    ['user', '[object Object]'],
    ['user', 'NULL'],
    ['user', '00000000-0000-0000-0000-000000000000'],
    ['phone', '+'],
    ['phone', 'none'],
    ['user', 'x'.repeat(257)],
    ['user', 'é'.repeat(129)],
    ['cookie', 'a'],
    ['', 'a'],
    ['User', 'a'],
  ].map(([namespace = '', value = '']) => ({
    namespace,
    value,
    code: codeOf(() => identifierOf(namespace, value)),
  })),
  order: rising.sort((a, b) => compareIdentifiers(a, b, namespaces)),
})

write('ids', {
  about: 'ULIDs of a time and of 16 bytes, each of whose low five bits make one character',
  ulids: [0, 1, 1_469_922_850_259, 1_760_000_000_000, 2 ** 48 - 1].map((at, i) => {
    const random = Uint8Array.from({ length: 16 }, (_, byte) => byte * 17 + i)
    return { at, random: hex(random), ulid: ulid(at, () => random) }
  }),
  none: [
    '',
    '01ARZ3NDEKTSV4RRFFQ69G5FA',
    '01arz3ndektsv4rrffq69g5fav',
    '8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
  ],
})

write('positions', {
  about: 'Text of a visitor’s positions, each [shard, incarnation, sequence]',
  cases: [
    [],
    [[0, 0, 0]],
    [[7, 3_735_928_559, 1_234]],
    [
      [255, 0xffffffff, Number.MAX_SAFE_INTEGER],
      [3, 77, 2 ** 32],
    ],
  ].map((positions) => ({
    positions,
    text: exportPositions(
      positions.map(([shard = 0, incarnation = 0, sequence = 0]) => ({
        shard,
        incarnation,
        sequence,
      })),
    ),
  })),
  refused: [
    'hs2.kA',
    'hs1.',
    'hs1.k+',
    'hs1.kB',
    `hs1.${toBase64url(encode([[1, 2]]))}`,
    `hs1.${toBase64url(encode([[256, 1, 1]]))}`,
    `hs1.${toBase64url(encode(Array(5).fill([1, 2, 3])))}`,
    `hs1.${'A'.repeat(300)}`,
  ].map((text) => ({ text, code: 'MALFORMED' })),
})

write('records', {
  about:
    'Records that a channel may write, and some that it may not. MessagePack as we write it; ' +
    'readers accept any other form of the same value',
  accepted: acceptedRecords.map(({ name, record }) => ({ name, record, hex: hex(encode(record)) })),
  refused: refusedRecords,
})

write('own-records', {
  about: 'Records that the primary of a shard writes, and some that no node takes for one',
  accepted: ownRecords.accepted.map(({ name, record }) => ({
    name,
    record,
    hex: hex(encode(record)),
  })),
  refused: ownRecords.refused,
})

write('maps', {
  about: 'Shard maps, and some that are none',
  accepted: maps.accepted.map(({ name, map }) => ({ name, map, hex: hex(encode(map)) })),
  refused: maps.refused,
})

const some = acceptedRecords.map(({ record }) => record)
write('batches', {
  about: 'Log entries',
  cases: [
    { name: 'one record', producer: 'p1', n: 1, records: some.slice(0, 1) },
    { name: 'every kind', producer: 'Zk3-_9aQ', n: 4_294_967_296, records: some },
    { name: '16 records', producer: 'p1', n: 9, records: Array(16).fill(some[0]) },
  ].map(({ name, producer, n, records }) => ({
    name,
    batch: { v: 1, producer, n, records },
    hex: hex(encodeBatch(producer, n, records.map(encode))),
  })),
  refused: [
    { name: 'a list', value: [], code: 'INVALID' },
    {
      name: 'a version to come',
      value: { v: 2, producer: 'p', n: 1, records: [{}] },
      code: 'INVALID',
    },
    { name: 'no producer', value: { v: 1, n: 1, records: [{}] }, code: 'INVALID' },
    {
      name: 'a producer with a space',
      value: { v: 1, producer: 'a b', n: 1, records: [{}] },
      code: 'INVALID',
    },
    { name: 'n of 0', value: { v: 1, producer: 'p', n: 0, records: [{}] }, code: 'INVALID' },
    { name: 'n as text', value: { v: 1, producer: 'p', n: '1', records: [{}] }, code: 'INVALID' },
    { name: 'no records', value: { v: 1, producer: 'p', n: 1 }, code: 'INVALID' },
    { name: 'empty records', value: { v: 1, producer: 'p', n: 1, records: [] }, code: 'INVALID' },
  ].map(({ name, value, code }) => ({ name, hex: hex(encode(value)), code })),
})

write('questions', {
  about:
    'Frames of questions. {"$bytes": hex} stands for a byte string. Of a frame in `refused` the only ' +
    'question is answered by an error; a frame in `refusedFrames` is refused as a whole',
  cases: questions.map(({ name, frame }) => ({
    name,
    frame: jsonOf(frame),
    hex: hex(encode(frame)),
  })),
  refused: refusedQuestions.map(coded),
  refusedFrames: refusedFrames.map(coded),
})

write('answers', {
  about: 'Frames of answers',
  cases: answers.map(({ name, frame }) => ({ name, frame, hex: hex(encode(frame)) })),
  refused: refusedAnswers.map(({ name, frame }) => coded({ name, frame, code: 'MALFORMED' })),
})

const first = `k1:${Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => i)).toString('base64')}`
const second = `k2:${Buffer.alloc(80, 0xab).toString('base64')}`
const token: Token = {
  decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  key: parseIdentifier('anon:4hG8'),
  placement: 'home.hero',
  offer: 'gold-card',
  treatment: 'web',
  playbook: 7,
  decidedAt: 1_760_000_000_000,
  expiresAt: 1_760_086_400_000,
}
const signed = new TokenKeys(first).sign(token)
write('tokens', {
  about: 'Tokens of fixed keys; `keys` verify, `now` is the time',
  cases: [
    { name: 'one key', keys: first, token, text: signed },
    {
      name: 'a key longer than a block, first of two',
      keys: `${second},${first}`,
      token,
      text: new TokenKeys(second).sign(token),
    },
    { name: 'signed with the older key', keys: `${second},${first}`, token, text: signed },
    ...[
      { name: 'what is learnt from it', more: { trial: 'click 1800000 604800000 gold|web' } },
      { name: 'an arm', more: { arms: ['hero-order=ours'] } },
      {
        name: 'both, of default content',
        more: {
          offer: fallbackName,
          treatment: fallbackName,
          trial: 'later accept 604800000 604800000 ',
          arms: ['hero-order=none', 'tone=formal'],
        },
      },
    ].map(({ name, more }) => {
      const said = { ...token, ...more }
      return { name, keys: first, token: said, text: new TokenKeys(first).sign(said) }
    }),
  ],
  refused: [
    { name: 'expired', keys: first, now: token.expiresAt + 1, text: signed, code: 'FORBIDDEN' },
    { name: 'another key', keys: second, now: 0, text: signed, code: 'FORBIDDEN' },
    {
      name: 'a changed signature',
      keys: first,
      now: 0,
      text: `${signed.slice(0, -4)}AAAA`,
      code: 'FORBIDDEN',
    },
    { name: 'cut', keys: first, now: 0, text: signed.slice(0, 40), code: 'MALFORMED' },
    { name: 'no token', keys: first, now: 0, text: 'gA', code: 'MALFORMED' },
    { name: 'other characters', keys: first, now: 0, text: 'a.b', code: 'MALFORMED' },
  ],
})

write('guard', {
  about: 'Frames that pass the structural guard, and frames that it must refuse',
  accepted: guardFrames.accepted.map(({ name, bytes }) => ({ name, hex: hex(bytes) })),
  refused: guardFrames.refused.map(({ name, bytes, code }) => ({ name, hex: hex(bytes), code })),
})

function write(name: string, vectors: object): void {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(vectors, null, 2)}\n`)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function coded({ name, frame, code }: { name: string; frame: unknown; code: string }): object {
  return { name, hex: hex(encode(frame)), code }
}

function jsonOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: hex(value) }
  if (Array.isArray(value)) return value.map(jsonOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, jsonOf(one)]))
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof HalfsecondError) return thrown.code
  }
  throw new Error('was not refused')
}

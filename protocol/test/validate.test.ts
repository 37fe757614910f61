import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bounds } from '../src/bounds.ts'
import { builtInNamespaces } from '../src/identifier.ts'
import { channelKinds, outcomes, reservedNames, strengths } from '../src/records.ts'
import {
  idFault,
  isChannelRecord,
  isOutcome,
  isOwnRecord,
  isTime,
  nameFault,
  recordFault,
} from '../src/validate.ts'
import { record } from './arbitraries.ts'

const faultOf = (value: unknown) => recordFault(value, builtInNamespaces)

const common = { id: 'a1', key: 'anon:4hG8', at: 1_760_000_000_000 }
const event = { ...common, kind: 'event', name: 'page', properties: {} }
const traits = { ...common, kind: 'traits', set: {}, unset: [] }
const link = { ...common, kind: 'link', to: 'user:42', strength: 'asserted' }
const outcome = {
  ...common,
  kind: 'outcome',
  decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  placement: 'home.hero',
  offer: 'gold-card',
  treatment: 'web',
  outcome: 'click',
}
const consent = { ...common, kind: 'consent', purpose: 'personalisation', granted: true }

describe('the validator of records', () => {
  it('accepts records of every kind', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(faultOf(one)).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })

  it.each<[string, object]>([
    ['without a value', { later: undefined }],
    ['of another kind, without its form', { granted: Number.NaN }],
    ['that is no plain data', { later: new Date(0) }],
    ['nested too deep', { later: [[[[[1]]]]] }],
    ['with text that is not well-formed', { later: ['\ud800'] }],
    ['with a name too long', { ['l'.repeat(65)]: 1 }],
    ['in great number', Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 0]))],
    ['with too many values', { later: Array(90).fill(Array(90).fill(0)) }],
  ])('refuses a further field %s', (_, fields) => {
    expect(faultOf({ ...event, ...fields })).toBeTypeOf('string')
  })

  it('accepts fields that it does not know', () => {
    for (const one of [event, traits, link, outcome, consent]) {
      expect(faultOf({ ...one, later: { version: [1] } })).toBeUndefined()
    }
  })

  it('never throws: anything at all is a record or has a fault', () => {
    const whole = fc.anything({ withDate: true, withBigInt: true, withNullPrototype: true })
    const parts = fc
      .tuple(
        record,
        fc.constantFrom(
          ...Object.keys({
            ...event,
            ...traits,
            ...link,
            ...outcome,
            ...consent,
            n: 1,
            channel: '',
            source: '',
          }),
        ),
        fc.anything(),
      )
      .map(([one, field, value]) => ({ ...one, [field]: value }))
    fc.assert(
      fc.property(fc.oneof(whole, parts), (value) => {
        expect(isChannelRecord(value, builtInNamespaces)).toBe(faultOf(value) === undefined)
      }),
      { numRuns: 3_000 },
    )
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['text', 'event'],
    ['a date', new Date(0)],
    ['no id', { ...event, id: undefined }],
    ['an empty id', { ...event, id: '' }],
    ['an id with a space', { ...event, id: 'a b' }],
    ['an id beyond ASCII', { ...event, id: 'é' }],
    ['an id too long', { ...event, id: 'a'.repeat(bounds.idBytes + 1) }],
    ['a numeric id', { ...event, id: 7 }],
    ['no key', { ...event, key: undefined }],
    ['a key without namespace', { ...event, key: '4hG8' }],
    ['a key of no namespace', { ...event, key: 'cookie:4hG8' }],
    ['a placeholder as key', { ...event, key: 'anon:undefined' }],
    ['a key with a control character', { ...event, key: 'anon:a\u0007' }],
    ['a key too long', { ...event, key: `anon:${'é'.repeat(129)}` }],
    ['no time', { ...event, at: undefined }],
    ['a negative time', { ...event, at: -1 }],
    ['a fraction of a millisecond', { ...event, at: 0.5 }],
    ['a time after the year 9999', { ...event, at: 253_402_300_800_000 }],
    ['NaN as time', { ...event, at: Number.NaN }],
    ['a date as time', { ...event, at: new Date(0) }],
    ['text as time', { ...event, at: '2026-01-01' }],
    ['n of 0', { ...event, n: 0 }],
    ['n as a fraction', { ...event, n: 1.5 }],
    ['n beyond 2^53', { ...event, n: 2 ** 53 }],
    ['n as null', { ...event, n: null }],
    ['an empty channel', { ...event, channel: '' }],
    ['a channel too long', { ...event, channel: 'c'.repeat(bounds.nameBytes + 1) }],
    ['a channel with a line end', { ...event, channel: 'a\nb' }],
    ['a source that is no text', { ...event, source: 7 }],
    ['no kind', { ...common }],
    ['an unknown kind', { ...event, kind: 'poke' }],
    ['a kind of objects', { ...event, kind: 'toString' }],
    ...[
      'primary',
      'tick',
      'playbook',
      'expire',
      'judge',
      'sent',
      'barrier',
      'edge',
      'copy',
      'gone',
      'refuse',
      'erased',
      'grant',
    ].map((kind): [string, unknown] => [
      `the internal kind ${kind}`,
      { ...event, kind, epoch: 1, wall: 1, node: 'n' },
    ]),
    ['an event without name', { ...event, name: undefined }],
    ['an event without properties', { ...event, properties: undefined }],
    ['properties as a list', { ...event, properties: [] }],
    ['a property that is NaN', { ...event, properties: { a: Number.NaN } }],
    ['traits without set', { ...traits, set: undefined }],
    ['traits without unset', { ...traits, unset: undefined }],
    ['a trait of null', { ...traits, set: { a: null } }],
    ['a faulty name in unset', { ...traits, unset: ['a', ''] }],
    ['a number in unset', { ...traits, unset: [7] }],
    [
      'too many traits',
      {
        ...traits,
        set: { a: 1 },
        unset: Array.from({ length: bounds.traitsPerRecord }, (_, i) => `t${i}`),
      },
    ],
    ['a link without target', { ...link, to: undefined }],
    ['a link to itself', { ...link, to: link.key }],
    ['a link of no strength', { ...link, strength: undefined }],
    ['a link of an unknown strength', { ...link, strength: 'sure' }],
    ['an unlink without target', { ...common, kind: 'unlink' }],
    ['an unlink from itself', { ...common, kind: 'unlink', to: common.key }],
    ['an unknown outcome', { ...outcome, outcome: 'view' }],
    ['a reason that is no name', { ...outcome, reason: '' }],
    ['a click across a group', { ...outcome, across: 'group' }],
    ['an unsubscribe across anything else', { ...outcome, outcome: 'unsubscribe', across: 'all' }],
    ...['decision', 'placement', 'offer', 'treatment', 'outcome'].map(
      (field): [string, unknown] => [
        `an outcome without ${field}`,
        { ...outcome, [field]: undefined },
      ],
    ),
    ['consent without purpose', { ...consent, purpose: undefined }],
    ['consent without decision', { ...consent, granted: undefined }],
    ['consent as text', { ...consent, granted: 'yes' }],
    ['an erase without its id', { ...common, kind: 'erase' }],
    ['an erase of no epoch', { ...common, kind: 'erase', eraseId: 'e1', epoch: 'x' }],
    ['an erase of an epoch too many', { ...common, kind: 'erase', eraseId: 'e1', epoch: 16 }],
  ])('refuses %s', (_, value) => {
    expect(faultOf(value)).toBeTypeOf('string')
  })

  it('keeps the names of kinds and outcomes from events', () => {
    for (const name of [...channelKinds, ...outcomes, 'tick', 'grant', 'erased']) {
      expect(reservedNames.has(name)).toBe(true)
      expect(faultOf({ ...event, name })).toContain('reserved')
    }
  })

  it('accepts every strength and outcome', () => {
    for (const strength of strengths) expect(faultOf({ ...link, strength })).toBeUndefined()
    for (const one of outcomes) expect(faultOf({ ...outcome, outcome: one })).toBeUndefined()
    expect(isOutcome('toString')).toBe(false)
  })

  it('accepts as many traits as the bound', () => {
    const unset = Array.from({ length: bounds.traitsPerRecord - 1 }, (_, i) => `t${i}`)
    expect(faultOf({ ...traits, set: { a: 1 }, unset })).toBeUndefined()
  })
})

describe('own records', () => {
  it.each<[boolean, unknown]>([
    [true, { kind: 'primary', epoch: 1, node: 'n1' }],
    [true, { kind: 'tick', epoch: 1, wall: 1_760_000_000_000 }],
    [true, { kind: 'playbook', epoch: 3, version: 2, hash: 'ab' }],
    [true, { kind: 'tick', epoch: 1, wall: 0, later: true }],
    [false, { kind: 'primary', epoch: 0, node: 'n1' }],
    [false, { kind: 'primary', epoch: 1 }],
    [false, { kind: 'tick', epoch: 1, wall: -1 }],
    [false, { kind: 'tick', wall: 1 }],
    [false, { kind: 'playbook', epoch: 1, version: 0, hash: 'ab' }],
    [false, { kind: 'playbook', epoch: 1, version: 1 }],
    [false, { kind: 'event', epoch: 1 }],
    [false, { epoch: 1 }],
    [false, []],
    [false, null],
  ])('are told by shape: %s for %j', (expected, value) => {
    expect(isOwnRecord(value)).toBe(expected)
  })
})

describe('names, ids and times', () => {
  it('have a fault that names the field', () => {
    expect(nameFault('placement', undefined)).toBe('placement is missing')
    expect(nameFault('placement', 'p'.repeat(65))).toBe('placement is longer than 64 bytes')
    expect(nameFault('placement', 'p'.repeat(64))).toBeUndefined()
    expect(nameFault('placement', '😀'.repeat(16))).toBeUndefined()
    expect(nameFault('placement', '😀'.repeat(17))).toBe('placement is longer than 64 bytes')
    expect(nameFault('placement', 'a\u0085')).toBe('placement must be printable text')
    expect(idFault('decision', 'a'.repeat(64))).toBeUndefined()
    expect(idFault('decision', 'a\u007f')).toBe('decision must be ASCII text without spaces')
  })

  it('are times up to the end of the year 9999', () => {
    expect(isTime(Date.parse('9999-12-31T23:59:59.999Z'))).toBe(true)
    expect(isTime(Date.parse('9999-12-31T23:59:59.999Z') + 1)).toBe(false)
    expect(isTime(-0)).toBe(true)
  })
})

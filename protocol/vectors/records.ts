/* Records for the vectors. */
export const common = { id: 'Zk3-_9aQ.1', key: 'anon:4hG8', at: 1_760_000_000_000 }
const outcome = {
  decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  placement: 'home.hero',
  offer: 'gold-card',
  treatment: 'web',
  outcome: 'click',
}

export const acceptedRecords: readonly { readonly name: string; readonly record: object }[] = [
  {
    name: 'event',
    record: { kind: 'event', ...common, name: 'page', properties: { path: '/cards?x=1' } },
  },
  {
    name: 'event with every optional field and value',
    record: {
      kind: 'event',
      ...common,
      n: 17,
      channel: 'web',
      source: 'import:day.log',
      name: 'Bestellung aufgegeben',
      properties: {
        total: 12.5,
        count: -3,
        large: 9_007_199_254_740_991,
        paid: true,
        coupon: null,
        city: 'Zürich 😀',
        lines: [{ sku: 'a', sizes: [1, 2] }],
        address: { zip: '8001' },
      },
    },
  },
  {
    name: 'traits',
    record: {
      kind: 'traits',
      ...common,
      key: 'crm:991',
      set: { age: 42, tier: 'gold' },
      unset: ['coupon'],
    },
  },
  { name: 'link', record: { kind: 'link', ...common, to: 'user:42', strength: 'authenticated' } },
  { name: 'unlink', record: { kind: 'unlink', ...common, to: 'user:42' } },
  { name: 'logout', record: { kind: 'logout', ...common } },
  { name: 'outcome', record: { kind: 'outcome', ...common, ...outcome } },
  {
    name: 'a cancellation',
    record: { kind: 'outcome', ...common, ...outcome, outcome: 'reject', reason: 'cancel' },
  },
  {
    name: 'unsubscribed from a group',
    record: { kind: 'outcome', ...common, ...outcome, outcome: 'unsubscribe', across: 'group' },
  },
  {
    name: 'outcome that teaches, in two experiments',
    record: {
      kind: 'outcome',
      ...common,
      ...outcome,
      trial: 'click 1800000 604800000 gold|web',
      arms: ['hero-order=ours', 'tone=formal'],
    },
  },
  {
    name: 'default content that was shown in an experiment',
    record: {
      kind: 'outcome',
      ...common,
      ...outcome,
      offer: 'fallback',
      treatment: 'fallback',
      outcome: 'display',
      arms: ['hero-order=none'],
    },
  },
  {
    name: 'consent',
    record: { kind: 'consent', ...common, purpose: 'personalisation', granted: false },
  },
  { name: 'erase', record: { kind: 'erase', ...common, eraseId: 'e-1' } },
  {
    name: 'a field of a later version',
    record: { kind: 'logout', ...common, later: { of: ['plain', 'data'] } },
  },
]

export const refusedRecords: readonly { readonly name: string; readonly record: unknown }[] = [
  { name: 'a list', record: [] },
  { name: 'no id', record: { kind: 'logout', key: 'anon:4hG8', at: 1 } },
  { name: 'an id with a space', record: { kind: 'logout', ...common, id: 'a b' } },
  { name: 'an id of 65 characters', record: { kind: 'logout', ...common, id: 'a'.repeat(65) } },
  { name: 'a key of an unknown namespace', record: { kind: 'logout', ...common, key: 'cookie:a' } },
  { name: 'a placeholder as key', record: { kind: 'logout', ...common, key: 'anon:undefined' } },
  { name: 'a time before 1970', record: { kind: 'logout', ...common, at: -1 } },
  {
    name: 'a time after the year 9999',
    record: { kind: 'logout', ...common, at: 253_402_300_800_000 },
  },
  { name: 'a time in text', record: { kind: 'logout', ...common, at: '2026-01-01T00:00:00Z' } },
  { name: 'n of 0', record: { kind: 'logout', ...common, n: 0 } },
  { name: 'an empty channel', record: { kind: 'logout', ...common, channel: '' } },
  { name: 'an unknown kind', record: { kind: 'poke', ...common } },
  { name: 'an internal kind', record: { kind: 'tick', ...common, epoch: 1, wall: 1 } },
  { name: 'an event without name', record: { kind: 'event', ...common, properties: {} } },
  {
    name: 'an event named as an outcome',
    record: { kind: 'event', ...common, name: 'click', properties: {} },
  },
  { name: 'an event without properties', record: { kind: 'event', ...common, name: 'page' } },
  {
    name: 'a list five levels deep',
    record: { kind: 'event', ...common, name: 'page', properties: { a: [[[[1]]]] } },
  },
  {
    name: 'a property named constructor',
    record: { kind: 'event', ...common, name: 'page', properties: { constructor: 1 } },
  },
  {
    name: 'a property name with a line end',
    record: { kind: 'event', ...common, name: 'page', properties: { 'a\n': 1 } },
  },
  {
    name: 'a list of 101',
    record: { kind: 'event', ...common, name: 'page', properties: { a: Array(101).fill(0) } },
  },
  { name: 'a trait of null', record: { kind: 'traits', ...common, set: { a: null }, unset: [] } },
  { name: 'traits without unset', record: { kind: 'traits', ...common, set: { a: 1 } } },
  {
    name: 'a link to itself',
    record: { kind: 'link', ...common, to: common.key, strength: 'asserted' },
  },
  {
    name: 'a link of an unknown strength',
    record: { kind: 'link', ...common, to: 'user:42', strength: 'sure' },
  },
  {
    name: 'an outcome without its offer',
    record: { kind: 'outcome', ...common, ...outcome, offer: '' },
  },
  {
    name: 'an unknown outcome',
    record: { kind: 'outcome', ...common, ...outcome, outcome: 'view' },
  },
  {
    name: 'a trial of 161 characters',
    record: { kind: 'outcome', ...common, ...outcome, trial: 'b'.repeat(161) },
  },
  {
    name: 'a trial with a line end',
    record: { kind: 'outcome', ...common, ...outcome, trial: 'click 1800000 604800000 a\nb' },
  },
  {
    name: 'five arms',
    record: { kind: 'outcome', ...common, ...outcome, arms: Array(5).fill('a=b') },
  },
  {
    name: 'an arm that is no text',
    record: { kind: 'outcome', ...common, ...outcome, arms: [1] },
  },
  {
    name: 'consent in text',
    record: { kind: 'consent', ...common, purpose: 'personalisation', granted: 'yes' },
  },
  {
    name: 'a further field that is nested too deep',
    record: { kind: 'logout', ...common, later: [[[[[1]]]]] },
  },
]

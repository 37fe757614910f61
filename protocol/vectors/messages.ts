/* Records, questions and answers for the vectors. */
import { encodeBatch } from '../src/batch.ts'
import { encode } from '../src/codec.ts'

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

const decide = {
  kind: 'decide',
  decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  identifiers: ['user:42', 'anon:4hG8'],
  placements: ['home.hero', 'agent.next'],
  deadline: 400,
  positions: [[7, 3_735_928_559, 1_234]],
  pending: [encodeBatch('p1', 9, [encode({ kind: 'logout', ...common })])],
}
const reach = { kind: 'await', position: [7, 3_735_928_559, 1_234], deadline: 50 }

const profile = {
  kind: 'profile',
  identifiers: decide.identifiers,
  channel: 'call',
  traits: ['segment', 'manager'],
  deadline: 400,
  positions: [],
  pending: [],
}

const spread = {
  kind: 'spread',
  key: 'anon:4hG8',
  at: 'user:42',
  position: [7, 3_735_928_559, 1_234],
  deadline: 500,
}

export const questions: readonly { readonly name: string; readonly frame: object }[] = [
  { name: 'decide and await', frame: { v: 1, questions: [decide, reach] } },
  {
    name: 'decide with nothing known but an identifier',
    frame: {
      v: 1,
      questions: [{ ...decide, identifiers: ['anon:4hG8'], positions: [], pending: [] }],
    },
  },
  { name: 'profile', frame: { v: 1, questions: [profile] } },
  {
    name: 'decide and profile at the root of before',
    frame: {
      v: 1,
      questions: [
        { ...decide, root: 7 },
        { ...profile, root: 0 },
      ],
    },
  },
  { name: 'spread', frame: { v: 1, questions: [spread] } },
  { name: 'decide for a bot', frame: { v: 1, questions: [{ ...decide, isBot: true }] } },
  { name: 'a field of a later version', frame: { v: 1, questions: [{ ...reach, later: true }] } },
]

/** Each fails alone, in its place. */
export const refusedQuestions: readonly {
  readonly name: string
  readonly frame: object
  readonly code: string
}[] = [
  {
    name: 'an unknown kind',
    frame: { v: 1, questions: [{ ...reach, kind: 'ask' }] },
    code: 'INVALID',
  },
  { name: 'no deadline', frame: { v: 1, questions: [{ ...reach, deadline: 0 }] }, code: 'INVALID' },
  {
    name: 'no identifiers',
    frame: { v: 1, questions: [{ ...decide, identifiers: [] }] },
    code: 'INVALID',
  },
  {
    name: 'an unknown namespace',
    frame: { v: 1, questions: [{ ...decide, identifiers: ['cookie:a'] }] },
    code: 'UNKNOWN_NAMESPACE',
  },
  {
    name: 'no placements',
    frame: { v: 1, questions: [{ ...decide, placements: [] }] },
    code: 'INVALID',
  },
  {
    name: 'five positions',
    frame: { v: 1, questions: [{ ...decide, positions: Array(5).fill([1, 2, 3]) }] },
    code: 'INVALID',
  },
  {
    name: 'a root that is no shard',
    frame: { v: 1, questions: [{ ...decide, root: 256 }] },
    code: 'INVALID',
  },
  {
    name: 'a bot that is none',
    frame: { v: 1, questions: [{ ...decide, isBot: false }] },
    code: 'INVALID',
  },
  {
    name: 'spread of nobody',
    frame: { v: 1, questions: [{ ...spread, key: '' }] },
    code: 'INVALID',
  },
  {
    name: 'a profile without traits',
    frame: { v: 1, questions: [{ ...profile, traits: [] }] },
    code: 'INVALID',
  },
  {
    name: 'a profile of no channel',
    frame: { v: 1, questions: [{ ...profile, channel: '' }] },
    code: 'INVALID',
  },
  {
    name: 'pending text',
    frame: { v: 1, questions: [{ ...decide, pending: ['a'] }] },
    code: 'INVALID',
  },
]

/** Each fails as a whole. */
export const refusedFrames: readonly {
  readonly name: string
  readonly frame: unknown
  readonly code: string
}[] = [
  { name: 'a list', frame: [], code: 'INVALID' },
  { name: 'a version to come', frame: { v: 2, questions: [reach] }, code: 'INVALID' },
  { name: 'no list of questions', frame: { v: 1, questions: reach }, code: 'INVALID' },
  { name: '49 questions', frame: { v: 1, questions: Array(49).fill(reach) }, code: 'TOO_LARGE' },
]

const content = { title: 'Your manager, Ann', link: { text: 'call her', targets: ['tel:+49'] } }
const decision = {
  kind: 'decision',
  decision: decide.decision,
  playbook: 7,
  freshness: 'fresh',
  position: [7, 3_735_928_559, 1_235],
  placements: [
    {
      placement: 'home.hero',
      reason: 'rules',
      propositions: [{ content, offer: 'manager', treatment: 'web', token: 'ngGia1k' }],
    },
    { placement: 'agent.next', reason: 'fallback', propositions: [{ content: null }] },
    { placement: 'nowhere', error: { code: 'UNKNOWN_PLACEMENT', message: 'no such placement' } },
  ],
}

const sampled = [
  {
    placement: 'home.hero',
    reason: 'sampled',
    propositions: [{ content, offer: 'manager', treatment: 'web', token: 'ngGia1k' }],
  },
  {
    placement: 'agent.next',
    reason: 'holdout',
    propositions: [{ content: null, token: 'ngGia1k' }],
  },
]

export const answers: readonly { readonly name: string; readonly frame: object }[] = [
  {
    name: 'every kind',
    frame: {
      v: 1,
      epoch: 3,
      answers: [
        decision,
        { ...decision, freshness: 'stale', positionReset: true },
        { kind: 'reached', position: [7, 3_735_928_559, 1_234] },
        {
          kind: 'profile',
          freshness: 'fresh',
          position: [7, 3_735_928_559, 1_235],
          traits: {
            segment: { value: 'gold', at: 1_760_000_000_000, source: 'crm' },
            manager: { value: { name: 'Ann' }, at: 1_760_000_000_000, channel: 'call' },
          },
        },
        { kind: 'spread', isEverywhere: true },
        { kind: 'error', error: { code: 'MOVED', message: 'this node does not hold shard 7' } },
      ],
    },
  },
  {
    name: 'a decision by chance',
    frame: { v: 1, epoch: 3, answers: [{ ...decision, model: 1_204, placements: sampled }] },
  },
]

export const refusedAnswers: readonly { readonly name: string; readonly frame: unknown }[] = [
  { name: 'a list', frame: [] },
  { name: 'a version to come', frame: { v: 2, epoch: 3, answers: [] } },
  { name: 'no epoch', frame: { v: 1, answers: [] } },
  {
    name: 'an unknown kind of answer',
    frame: { v: 1, epoch: 3, answers: [{ ...decision, kind: 'guess' }] },
  },
  {
    name: 'a decision without position',
    frame: { v: 1, epoch: 3, answers: [{ kind: 'decision', placements: [] }] },
  },
  {
    name: 'a profile whose trait has no time',
    frame: {
      v: 1,
      epoch: 3,
      answers: [
        { kind: 'profile', position: [7, 3_735_928_559, 1_235], traits: { a: { value: 1 } } },
      ],
    },
  },
  {
    name: 'an error without its error',
    frame: { v: 1, epoch: 3, answers: [{ kind: 'error' }] },
  },
]

const map = {
  epoch: 3,
  nodes: ['n1', 'n2'],
  namespaces: [{ name: 'loyalty', class: 'account', rank: 405, normalise: 'text' }],
  shards: [
    { incarnation: 3_735_928_559, primary: 'n1', standbys: ['n2'] },
    { incarnation: 77, primary: 'n2', standbys: [] },
  ],
}

export const maps: {
  readonly accepted: readonly { readonly name: string; readonly map: object }[]
  readonly refused: readonly { readonly name: string; readonly map: unknown }[]
} = {
  accepted: [
    { name: 'two nodes, two shards', map },
    { name: 'a field of a later version', map: { ...map, later: true } },
    { name: 'consent first', map: { ...map, consent: 'required' } },
  ],
  refused: [
    { name: 'a consent of an unknown mode', map: { ...map, consent: 'maybe' } },
    { name: 'a list', map: [] },
    { name: 'no epoch', map: { ...map, epoch: undefined } },
    { name: 'three shards', map: { ...map, shards: Array(3).fill(map.shards[0]) } },
    { name: 'no shard', map: { ...map, shards: [] } },
    { name: 'a node id with a dot', map: { ...map, nodes: ['n.1'] } },
    {
      name: 'a namespace in upper case',
      map: { ...map, namespaces: [{ ...map.namespaces[0], name: 'Loyalty' }] },
    },
    {
      name: 'a namespace of an unknown class',
      map: { ...map, namespaces: [{ ...map.namespaces[0], class: 'person' }] },
    },
  ],
}

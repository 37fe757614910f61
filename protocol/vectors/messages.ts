/* Questions, answers and maps for the vectors. */
import { encodeBatch } from '../src/batch.ts'
import { encode } from '../src/codec.ts'
import { common } from './records.ts'

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

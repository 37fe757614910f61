import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bounds } from '../src/bounds.ts'
import { decode, encode } from '../src/codec.ts'
import { HalfsecondError } from '../src/errors.ts'
import { builtInNamespaces } from '../src/identifier.ts'
import { decodeAnswers, errorAnswer, parseAnswers, parseQuestions } from '../src/questions.ts'
import { thrownBy } from './arbitraries.ts'

const parse = (questions: unknown) => parseQuestions({ v: 1, questions }, builtInNamespaces)

const decide = {
  kind: 'decide',
  decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  identifiers: ['user:42', 'anon:4hG8'],
  placements: ['home.hero'],
  deadline: 400,
  positions: [[3, 77, 1_234]],
  pending: [new Uint8Array([0x80])],
}
const reach = { kind: 'await', position: [3, 77, 1_234], deadline: 50 }

const profile = {
  kind: 'profile',
  identifiers: ['crm:991'],
  channel: 'call',
  traits: ['segment'],
  deadline: 400,
  positions: [[3, 77, 1_234]],
  pending: [],
}

describe('questions', () => {
  it('are read in their order, with the fields that this version does not know', () => {
    const questions = [{ ...decide, later: 1 }, reach, profile]
    expect(parse(questions)).toStrictEqual(questions)
  })

  it('survive the wire', () => {
    const frame = decode(encode({ v: 1, questions: [decide, reach] }))
    const [first, second] = parseQuestions(frame, builtInNamespaces)
    expect(first).toMatchObject({ ...decide, pending: [expect.any(Uint8Array)] })
    expect(second).toStrictEqual(reach)
  })

  it.each<[string, unknown, string]>([
    ['text', 'decide', 'INVALID'],
    ['no kind', { deadline: 1 }, 'INVALID'],
    ['an unknown kind', { ...decide, kind: 'ask' }, 'INVALID'],
    ['no deadline', { ...decide, deadline: undefined }, 'INVALID'],
    ['a deadline of 0', { ...decide, deadline: 0 }, 'INVALID'],
    ['NaN as deadline', { ...decide, deadline: Number.NaN }, 'INVALID'],
    ['an endless deadline', { ...decide, deadline: Number.POSITIVE_INFINITY }, 'INVALID'],
    ['no decision', { ...decide, decision: undefined }, 'INVALID'],
    ['no identifiers', { ...decide, identifiers: [] }, 'INVALID'],
    [
      'too many identifiers',
      { ...decide, identifiers: Array.from({ length: 17 }, (_, i) => `anon:a${i}`) },
      'INVALID',
    ],
    ['a faulty identifier', { ...decide, identifiers: ['anon:'] }, 'INVALID'],
    ['an unknown namespace', { ...decide, identifiers: ['cookie:a'] }, 'UNKNOWN_NAMESPACE'],
    ['no placements', { ...decide, placements: [] }, 'INVALID'],
    ['too many placements', { ...decide, placements: Array(17).fill('a') }, 'INVALID'],
    ['a faulty placement', { ...decide, placements: [''] }, 'INVALID'],
    ['too many positions', { ...decide, positions: Array(5).fill([1, 2, 3]) }, 'INVALID'],
    ['a faulty position', { ...decide, positions: [[1, 2]] }, 'INVALID'],
    ['too many batches', { ...decide, pending: Array(17).fill(new Uint8Array(1)) }, 'INVALID'],
    ['a batch as text', { ...decide, pending: ['batch'] }, 'INVALID'],
    ['a profile without channel', { ...profile, channel: undefined }, 'INVALID'],
    ['a profile of too many traits', { ...profile, traits: Array(257).fill('a') }, 'INVALID'],
    ['a profile of a faulty trait', { ...profile, traits: [''] }, 'INVALID'],
    ['a profile of nobody', { ...profile, identifiers: [] }, 'INVALID'],
    ['an await without position', { ...reach, position: undefined }, 'INVALID'],
  ])('fail alone with %s', (_, faulty, code) => {
    const [before, failed, after] = parse([decide, faulty, reach])
    expect(before).toStrictEqual(decide)
    expect(failed).toMatchObject({ kind: 'error', error: { code } })
    expect(after).toStrictEqual(reach)
  })

  it.each<[string, unknown, string]>([
    ['a list', [decide], 'INVALID'],
    ['no version', { questions: [decide] }, 'INVALID'],
    ['a version to come', { v: 2, questions: [decide] }, 'INVALID'],
    ['a map of questions', { v: 1, questions: { 0: decide } }, 'INVALID'],
    [
      'too many questions',
      { v: 1, questions: Array(bounds.questionsPerFrame + 1).fill(reach) },
      'TOO_LARGE',
    ],
  ])('are no frame with %s', (_, frame, code) => {
    expect(thrownBy(() => parseQuestions(frame, builtInNamespaces))).toMatchObject({ code })
  })

  it('never throw another error, whatever comes', () => {
    const frame = fc.oneof(
      fc.anything(),
      fc.record({
        v: fc.constant(1),
        questions: fc.array(
          fc.oneof(
            fc.anything(),
            fc.record({
              kind: fc.constantFrom('decide', 'await', 'profile'),
              deadline: fc.constant(1),
              decision: fc.anything(),
              identifiers: fc.anything(),
              position: fc.anything(),
            }),
          ),
        ),
      }),
    )
    fc.assert(
      fc.property(frame, (value) => {
        const thrown = thrownBy(() => parseQuestions(value, builtInNamespaces))
        expect(thrown === undefined || thrown instanceof HalfsecondError).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

const content = { title: 'Your manager', links: [{ text: 'call', to: { kind: 'phone' } }] }
const decision = {
  kind: 'decision',
  decision: decide.decision,
  playbook: 7,
  freshness: 'fresh',
  position: [3, 77, 1_234],
  placements: [
    {
      placement: 'home.hero',
      reason: 'rules',
      propositions: [{ content, offer: 'manager', treatment: 'web', token: 'gA' }],
    },
    { placement: 'nowhere', error: { code: 'UNKNOWN_PLACEMENT', message: 'no such placement' } },
  ],
}

describe('answers', () => {
  it('survive the wire, with content as deep as content may be', () => {
    const traits = { segment: { value: { name: 'gold' }, at: 1, source: 'crm' } }
    const frame = {
      v: 1,
      epoch: 4,
      answers: [
        decision,
        { kind: 'profile', freshness: 'stale', position: [3, 77, 1_234], traits },
        { kind: 'reached', position: [3, 77, 1_234] },
        errorAnswer('MOVED', 'not here'),
        { ...decision, later: 1 },
      ],
    }
    expect(decodeAnswers(encode(frame))).toStrictEqual(frame)
  })

  it('may be larger than what channels send', () => {
    const propositions = [
      { content: { text: 'x'.repeat(8_000), list: Array(100).fill([1, 2, 3]) } },
    ]
    const placements = Array.from({ length: 16 }, (_, i) => ({
      placement: `p${i}`,
      reason: 'rules',
      propositions,
    }))
    const bytes = encode({ v: 1, epoch: 4, answers: Array(6).fill({ ...decision, placements }) })
    expect(bytes.length).toBeGreaterThan(2 * bounds.frameBytes)
    expect(decodeAnswers(bytes).answers).toHaveLength(6)
  })

  it('are bounded too', () => {
    expect(
      thrownBy(() => decodeAnswers(new Uint8Array(bounds.answerFrameBytes + 1))),
    ).toMatchObject({ code: 'TOO_LARGE' })
    expect(thrownBy(() => decodeAnswers(new Uint8Array(100).fill(0x91)))).toMatchObject({
      code: 'TOO_LARGE',
    })
    expect(thrownBy(() => decodeAnswers(new Uint8Array(0)))).toMatchObject({ code: 'MALFORMED' })
  })

  it.each<[string, unknown]>([
    ['a list', []],
    ['no version', { epoch: 1, answers: [] }],
    ['another version', { v: 2, epoch: 1, answers: [] }],
    ['no epoch', { v: 1, answers: [] }],
    ['no answers', { v: 1, epoch: 1 }],
    ['an answer of no kind', { v: 1, epoch: 1, answers: [{}] }],
    ['an error without error', { v: 1, epoch: 1, answers: [{ kind: 'error' }] }],
    [
      'a profile without traits',
      { v: 1, epoch: 1, answers: [{ kind: 'profile', position: [3, 77, 1_234] }] },
    ],
    ['a position reached nowhere', { v: 1, epoch: 1, answers: [{ kind: 'reached' }] }],
    [
      'a decision without placements',
      { v: 1, epoch: 1, answers: [{ ...decision, placements: undefined }] },
    ],
    [
      'a decision without position',
      { v: 1, epoch: 1, answers: [{ ...decision, position: undefined }] },
    ],
    [
      'a placement without propositions',
      { v: 1, epoch: 1, answers: [{ ...decision, placements: [{ placement: 'a' }] }] },
    ],
  ])('are no frame with %s', (_, frame) => {
    expect(thrownBy(() => parseAnswers(frame))).toMatchObject({ code: 'MALFORMED' })
  })
})

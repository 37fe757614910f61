import { wireVersion } from './batch.ts'
import { bounds } from './bounds.ts'
import { decode } from './codec.ts'
import { type ErrorCode, HalfsecondError } from './errors.ts'
import { type Identifier, identifierFault, isIdentifier, type Namespaces } from './identifier.ts'
import { isUint, isWirePosition, type WirePosition } from './position.ts'
import { isFields } from './properties.ts'
import type { Value } from './records.ts'
import { idFault, nameFault } from './validate.ts'

/** What to show this visitor at these placements. */
export interface DecideQuestion {
  readonly kind: 'decide'
  /** Made by the client: names the decision, and seeds its choices. */
  readonly decision: string
  /** All that the visitor is known by; the greatest one is entered at. */
  readonly identifiers: readonly Identifier[]
  readonly placements: readonly string[]
  /** Whoever asks is no person: they get default content, and count nowhere. */
  readonly isBot?: true
  /** Milliseconds that the asker still waits. */
  readonly deadline: number
  readonly positions: readonly WirePosition[]
  /** Batches, encoded, of records that have no position yet: reflected, not stored. */
  readonly pending: readonly Uint8Array[]
  /**
   * The shard that the last answer about the greatest identifier came from, where the question is
   * sent to whoever holds that one, not to its home. It changes the way, never the answer.
   */
  readonly root?: number
}

/** Answer when the fold has reached this position. */
export interface AwaitQuestion {
  readonly kind: 'await'
  readonly position: WirePosition
  readonly deadline: number
}

/** What is known of this visitor, of what the playbook lets the channel read. */
export interface ProfileQuestion {
  readonly kind: 'profile'
  /** As of a decide. */
  readonly identifiers: readonly Identifier[]
  /** The channel that asks: the playbook says which traits it may read. */
  readonly channel: string
  /** Traits to tell, of those that it may read. */
  readonly traits: readonly string[]
  /** Milliseconds that the asker still waits. */
  readonly deadline: number
  readonly positions: readonly WirePosition[]
  readonly pending: readonly Uint8Array[]
  /** As of a decide. */
  readonly root?: number
}

/** Does this record count wherever its person is decided for? For the primary of `at`. */
export interface SpreadQuestion {
  readonly kind: 'spread'
  /** The key of the record. */
  readonly key: Identifier
  /** Whose home has it at `position`: the key itself, or somebody above it. */
  readonly at: Identifier
  readonly position: WirePosition
  readonly deadline: number
}

/** How long anybody waits until a record counts everywhere; it is durable all the same. */
export const spreadMs = 500

export type Question = DecideQuestion | AwaitQuestion | ProfileQuestion | SpreadQuestion

/** `hs.node.<id>.decide` and `POST /v1/decide`. */
export interface QuestionFrame {
  readonly v: number
  readonly questions: readonly Question[]
}

/** Why content was chosen. `deadline` and `unavailable` are made by the client library. */
export const reasons = [
  'rules',
  'sampled',
  'fallback',
  'consent',
  'holdout',
  'deadline',
  'unavailable',
] as const
export type Reason = (typeof reasons)[number]

/** Whether the answer is known to hold all that was acknowledged up to a second ago. */
export type Freshness = 'fresh' | 'stale'

/**
 * One thing to show. Default content has no offer; it has a token only where an experiment's rules may
 * be why it is shown.
 */
export interface WireProposition {
  readonly content: Value
  readonly offer?: string
  readonly treatment?: string
  readonly token?: string
}

export interface PlacementAnswer {
  readonly placement: string
  readonly reason: Reason
  /** At least one; as many as the placement shows at most. */
  readonly propositions: readonly WireProposition[]
}

export interface DecideAnswer {
  readonly kind: 'decision'
  readonly decision: string
  /** Version of the playbook that decided. */
  readonly playbook: number
  /** Version of the model that decided with it; absent where nothing was asked of one. */
  readonly model?: number
  readonly freshness: Freshness
  /** A position of an earlier incarnation was dropped. */
  readonly positionReset?: true
  /** Where the deciding node's fold was. */
  readonly position: WirePosition
  readonly placements: readonly (PlacementAnswer | PlacementError)[]
}

export interface PlacementError {
  readonly placement: string
  readonly error: WireError
}

export interface AwaitAnswer {
  readonly kind: 'reached'
  readonly position: WirePosition
}

export interface ProfileAnswer {
  readonly kind: 'profile'
  readonly freshness: Freshness
  /** A position of an earlier incarnation was dropped. */
  readonly positionReset?: true
  /** Where the answering node's fold was. */
  readonly position: WirePosition
  /** Those that were asked for and have a value. */
  readonly traits: { readonly [name: string]: KnownTrait }
}

/** A trait with where it comes from. */
export interface KnownTrait {
  readonly value: Exclude<Value, null>
  /** When it was set, in milliseconds since 1970. */
  readonly at: number
  /** The channel that observed it. */
  readonly channel?: string
  /** The system that says so, where that is not the channel. */
  readonly source?: string
}

/** Everywhere, or not yet as far as is known. */
export interface SpreadAnswer {
  readonly kind: 'spread'
  readonly isEverywhere: boolean
}

export interface WireError {
  readonly code: ErrorCode
  readonly message: string
}

export interface ErrorAnswer {
  readonly kind: 'error'
  readonly error: WireError
}

export type Answer = DecideAnswer | AwaitAnswer | ProfileAnswer | SpreadAnswer | ErrorAnswer

/** Answers in the order of the questions. */
export interface AnswerFrame {
  readonly v: number
  /** Epoch of the shard map that the node knows: a greater one than the asker's means refresh. */
  readonly epoch: number
  readonly answers: readonly Answer[]
}

/**
 * Reads a decoded frame of questions. A faulty question yields an error in its place; only a frame
 * that is none at all throws.
 * @throws HalfsecondError `INVALID` or `TOO_LARGE`
 */
export function parseQuestions(value: unknown, namespaces: Namespaces): (Question | ErrorAnswer)[] {
  if (!isFields(value) || value.v !== wireVersion) {
    throw new HalfsecondError(
      'INVALID',
      `a frame of questions is {v: ${wireVersion}, questions: […]}`,
    )
  }
  const questions = value.questions
  if (!Array.isArray(questions)) throw new HalfsecondError('INVALID', 'questions is a list')
  if (questions.length > bounds.questionsPerFrame) {
    throw new HalfsecondError(
      'TOO_LARGE',
      `${questions.length} questions; at most ${bounds.questionsPerFrame} in a frame`,
    )
  }
  return questions.map((question: unknown) => {
    if (isQuestion(question, namespaces)) return question
    const fault = questionFault(question, namespaces) ?? 'not a question'
    return errorAnswer(fault.startsWith('its namespace') ? 'UNKNOWN_NAMESPACE' : 'INVALID', fault)
  })
}

function isQuestion(value: unknown, namespaces: Namespaces): value is Question {
  return questionFault(value, namespaces) === undefined
}

function questionFault(value: unknown, namespaces: Namespaces): string | undefined {
  if (!isFields(value)) return 'a question is a map'
  const deadline = value.deadline
  if (typeof deadline !== 'number' || !Number.isFinite(deadline) || deadline <= 0)
    return 'deadline is a number of milliseconds above 0'
  if (value.kind === 'await')
    return isWirePosition(value.position) ? undefined : 'position is [shard, incarnation, sequence]'
  if (value.kind === 'spread') return spreadFault(value, namespaces)
  if (value.kind === 'decide') return decideFault(value) ?? visitorFault(value, namespaces)
  if (value.kind === 'profile') return profileFault(value) ?? visitorFault(value, namespaces)
  return 'kind is decide, await, profile or spread'
}

function decideFault({ decision, placements, isBot }: Fields): string | undefined {
  const fault = idFault('decision', decision)
  if (fault !== undefined) return fault
  if (isBot !== undefined && isBot !== true) return 'isBot is true, or left out'
  if (!isList(placements, 1, bounds.placementsPerDecide))
    return `placements is a list of 1 to ${bounds.placementsPerDecide}`
  return firstFault('a placement', placements)
}

function spreadFault({ key, at, position }: Fields, namespaces: Namespaces): string | undefined {
  if (!isWirePosition(position)) return 'position is [shard, incarnation, sequence]'
  return identifierFault(key, namespaces) ?? identifierFault(at, namespaces)
}

function profileFault({ channel, traits }: Fields): string | undefined {
  const fault = nameFault('channel', channel)
  if (fault !== undefined) return fault
  if (!isList(traits, 1, bounds.traitsPerRecord))
    return `traits is a list of 1 to ${bounds.traitsPerRecord}`
  return firstFault('a trait', traits)
}

function firstFault(what: string, names: readonly unknown[]): string | undefined {
  for (const name of names) {
    const fault = nameFault(what, name)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** What is wrong with how a question names its visitor. */
function visitorFault(
  { identifiers, positions, pending, root }: Fields,
  namespaces: Namespaces,
): string | undefined {
  if (!isList(identifiers, 1, bounds.identifiersPerCall))
    return `identifiers is a list of 1 to ${bounds.identifiersPerCall}`
  for (const one of identifiers) {
    if (!isIdentifier(one, namespaces)) return identifierFault(one, namespaces)
  }
  if (!isList(positions, 0, bounds.positionsPerVisitor) || !positions.every(isWirePosition)) {
    return `positions is a list of at most ${bounds.positionsPerVisitor} of [shard, incarnation, sequence]`
  }
  if (
    !isList(pending, 0, bounds.pendingPerDecide) ||
    !pending.every((one) => one instanceof Uint8Array)
  ) {
    return `pending is a list of at most ${bounds.pendingPerDecide} encoded batches`
  }
  if (root !== undefined && !isUint(root, bounds.shards - 1)) return 'root is the number of a shard'
  return undefined
}

type Fields = { readonly [name: string]: unknown }

function isList(value: unknown, min: number, max: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length >= min && value.length <= max
}

export function errorAnswer(code: ErrorCode, message: string): ErrorAnswer {
  return { kind: 'error', error: { code, message } }
}

const answerLimits = {
  frameBytes: bounds.answerFrameBytes,
  depth: bounds.answerDepth,
  elementsPerItem: bounds.elementsPerAnswer,
}

/**
 * Reads a frame of answers, whose bounds are wider than those of what channels send.
 * @throws HalfsecondError `MALFORMED` or `TOO_LARGE`
 */
export function decodeAnswers(bytes: Uint8Array): AnswerFrame {
  return parseAnswers(decode(bytes, answerLimits))
}

/**
 * Reads a decoded frame of answers. Nodes are trusted for content; the form is checked.
 * @throws HalfsecondError `MALFORMED`
 */
export function parseAnswers(value: unknown): AnswerFrame {
  if (isAnswerFrame(value)) return value
  throw new HalfsecondError(
    'MALFORMED',
    'not a frame of answers; is this a halfsecond node of the same protocol version?',
  )
}

function isAnswerFrame(value: unknown): value is AnswerFrame {
  return (
    isFields(value) &&
    value.v === wireVersion &&
    typeof value.epoch === 'number' &&
    Array.isArray(value.answers) &&
    value.answers.every(isAnswer)
  )
}

function isAnswer(value: unknown): value is Answer {
  if (!isFields(value)) return false
  switch (value.kind) {
    case 'decision':
      return (
        isWirePosition(value.position) &&
        Array.isArray(value.placements) &&
        value.placements.every(isPlacementAnswer)
      )
    case 'reached':
      return isWirePosition(value.position)
    case 'spread':
      return typeof value.isEverywhere === 'boolean'
    case 'profile':
      return (
        isWirePosition(value.position) &&
        isFields(value.traits) &&
        Object.values(value.traits).every(isKnownTrait)
      )
    default:
      return value.kind === 'error' && isFields(value.error)
  }
}

function isKnownTrait(value: unknown): boolean {
  return isFields(value) && 'value' in value && typeof value.at === 'number'
}

function isPlacementAnswer(value: unknown): boolean {
  return (
    isFields(value) &&
    typeof value.placement === 'string' &&
    (isFields(value.error) || Array.isArray(value.propositions))
  )
}

import {
  type Answer,
  bounds,
  type DecideQuestion,
  decode,
  encode,
  type FragmentId,
  HalfsecondError,
  identifierIn,
  isFields,
  isFragmentId,
  isWirePosition,
  type Namespaces,
  type ProfileQuestion,
  parseAnswers,
  parseQuestions,
  type WirePosition,
  wireVersion,
} from '@halfsecond/protocol'
import { readCopy } from '../../core/profile/copy.ts'
import type { Edge, ToldBranch, ToldPart } from '../../core/profile/gathering.ts'
import type { GivenProposition } from './grants-of.ts'

/*
 * What nodes ask each other to decide for one person, on `hs.node.<id>.peer`. Channels cannot: a
 * branch holds all that is known of a person.
 */

/** What a channel asks about a visitor. */
export type VisitorQuestion = DecideQuestion | ProfileQuestion

/** What is known of a fragment at its home, and of those below it? */
export interface BranchQuestion {
  readonly kind: 'branch'
  readonly id: FragmentId
  /** `id` is an identifier, of which the fragment of this time is meant; null: exactly `id`. */
  readonly at: number | null
  /** What the answer must reflect. */
  readonly position: WirePosition | null
  /** Batches, encoded, of which the records about `id` count. */
  readonly pending: readonly Uint8Array[]
  /** Milliseconds that the asker still waits. */
  readonly deadline: number
}

/** A question that goes on at the home of a greater fragment. */
export interface OnwardQuestion {
  readonly kind: 'onward'
  readonly question: VisitorQuestion
  /** Where the question came in: its profile is asked for. */
  readonly entered: FragmentId
  /** Where it goes on. */
  readonly at: FragmentId
  readonly parts: readonly ToldPart[]
  readonly edges: readonly Edge[]
  /** Whether all that was collected so far is fresh. */
  readonly isFresh: boolean
  readonly hops: number
}

/** A standby tells the primary what it gave to somebody whose root is at home there. */
export interface GivenQuestion {
  readonly kind: 'given'
  readonly root: FragmentId
  /** When it was decided. */
  readonly at: number
  readonly given: readonly GivenProposition[]
}

export type PeerQuestion = BranchQuestion | OnwardQuestion | GivenQuestion

export interface GivenAnswer {
  readonly kind: 'given'
}

export interface BranchAnswer {
  readonly kind: 'branch'
  readonly branch: ToldBranch
  readonly isFresh: boolean
  /** A position of an earlier incarnation was dropped. */
  readonly isReset: boolean
  readonly position: WirePosition
}

/** Whoever asks is not in the profile of whom they were sent to. */
export interface ApartAnswer {
  readonly kind: 'apart'
  /** What is known there of those who are in the profile with whoever asks. */
  readonly parts: readonly ToldPart[]
}

export type PeerAnswer = BranchAnswer | ApartAnswer | GivenAnswer | Answer

/**
 * Parts that one message takes: what does not fit is left out, and is mostly known to the other
 * side. The rest of an answer frame is room for the question.
 */
export const partsBytesMax = 600_000

/** Edges that one message takes: a person has a handful. */
export const edgesMax = 256

/** Propositions that one answer gives: sixteen placements, most of them of one or a few. */
const givenMax = 256

const limits = {
  frameBytes: bounds.answerFrameBytes,
  depth: bounds.answerDepth,
  elementsPerItem: bounds.elementsPerAnswer,
}

export function encodePeerQuestion(question: PeerQuestion): Uint8Array {
  if (question.kind !== 'onward') return encode({ v: wireVersion, ...question })
  const { parts, question: asked, ...rest } = question
  const questions = [asked]
  return encode({ v: wireVersion, ...rest, parts: parts.map(wirePart), questions })
}

/** @throws HalfsecondError for what is none */
export function readPeerQuestion(bytes: Uint8Array, namespaces: Namespaces): PeerQuestion {
  const value = decode(bytes, limits)
  if (!isFields(value) || value.v !== wireVersion) throw notOne()
  const { kind, id, at, position, pending, deadline } = value
  if (kind === 'onward') return readOnward(value, namespaces)
  if (kind === 'given') return readGiven(value)
  if (
    kind !== 'branch' ||
    !isFragmentId(id) ||
    (at !== null && typeof at !== 'number') ||
    (position !== null && !isWirePosition(position)) ||
    !Array.isArray(pending) ||
    typeof deadline !== 'number'
  )
    throw notOne()
  return { kind, id, at, position, pending: pending.filter(isBytes), deadline }
}

function readGiven({ root, at, given }: { readonly [name: string]: unknown }): GivenQuestion {
  if (!isFragmentId(root) || typeof at !== 'number' || !Array.isArray(given)) throw notOne()
  return { kind: 'given', root, at, given: given.slice(0, givenMax).filter(isShown) }
}

/** What is learnt from it is looked at where it is written. */
function isShown(value: unknown): value is GivenProposition {
  return (
    isFields(value) &&
    typeof value.decision === 'string' &&
    typeof value.placement === 'string' &&
    typeof value.offer === 'string' &&
    (value.key === undefined || isWhole(value.key))
  )
}

function isWhole(value: unknown): boolean {
  return isFragmentId(value) && identifierIn(value) === value
}

function readOnward(
  value: { readonly [name: string]: unknown },
  namespaces: Namespaces,
): OnwardQuestion {
  const { entered, at, parts, edges, isFresh, hops, questions } = value
  const [question] = parseQuestions({ v: wireVersion, questions }, namespaces)
  if (question?.kind === 'error')
    throw new HalfsecondError(question.error.code, question.error.message)
  if (
    question === undefined ||
    question.kind === 'await' ||
    question.kind === 'spread' ||
    !isFragmentId(entered) ||
    !isFragmentId(at) ||
    !Array.isArray(edges) ||
    typeof hops !== 'number'
  )
    throw notOne()
  return {
    kind: 'onward',
    question,
    entered,
    at,
    parts: readParts(parts),
    edges: edges.map(readEdge),
    isFresh: isFresh === true,
    hops,
  }
}

export function encodePeerAnswer(answer: PeerAnswer): Uint8Array {
  if (answer.kind === 'apart')
    return encode({ v: wireVersion, kind: answer.kind, parts: answer.parts.map(wirePart) })
  if (answer.kind === 'given') return encode({ v: wireVersion, kind: answer.kind })
  if (answer.kind !== 'branch') return encode({ v: wireVersion, epoch: 0, answers: [answer] })
  const { branch, ...rest } = answer
  const { id, up, parts } = branch
  return encode({ v: wireVersion, ...rest, id, up, parts: parts.map(wirePart) })
}

/** @throws HalfsecondError the one that was answered, or `MALFORMED` */
export function readPeerAnswer(bytes: Uint8Array): PeerAnswer {
  const value = decode(bytes, limits)
  if (isFields(value) && value.v === wireVersion) {
    const { kind, id, up, parts, isFresh, isReset, position } = value
    if (kind === 'given') return { kind }
    if (kind === 'apart') return { kind, parts: readParts(parts) }
    if (kind === 'branch' && isFragmentId(id) && Array.isArray(up) && isWirePosition(position)) {
      const branch = { id, up: up.filter(isFragmentId), parts: readParts(parts) }
      return { kind, branch, isFresh: isFresh === true, isReset: isReset === true, position }
    }
    const [answer] = parseAnswers(value).answers
    if (answer?.kind === 'error') throw new HalfsecondError(answer.error.code, answer.error.message)
    if (answer) return answer
  }
  throw notOne()
}

function wirePart({ copy, isAhead }: ToldPart): readonly unknown[] {
  return [copy.bytes, isAhead]
}

function readParts(value: unknown): ToldPart[] {
  if (!Array.isArray(value)) throw notOne()
  return value.map((part: unknown) => {
    if (!Array.isArray(part)) throw notOne()
    const [bytes, isAhead]: unknown[] = part
    if (!isBytes(bytes)) throw notOne()
    return { copy: readCopy(bytes), isAhead: isAhead === true }
  })
}

function readEdge(edge: unknown): Edge {
  if (Array.isArray(edge)) {
    const [lower, upper]: unknown[] = edge
    if (isFragmentId(lower) && isFragmentId(upper)) return [lower, upper]
  }
  throw notOne()
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

function notOne(): HalfsecondError {
  return new HalfsecondError('MALFORMED', 'not a message between nodes of this version')
}

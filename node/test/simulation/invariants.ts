import {
  builtInNamespaces,
  type DecideAnswer,
  type DecideQuestion,
  decode,
  decodeAnswers,
  decodeBatch,
  greatest,
  isFields,
  parseQuestions,
} from '@halfsecond/protocol'
import type { Shard } from '../../src/runtime/shards/shard.ts'
import { isOfPeople } from './people.ts'
import type { Branch, ShardTruth } from './shard-truth.ts'
import { askedAt, deadlineMs } from './simulated-client.ts'

/** What must hold, by the names that the documentation gives it. */
export type Invariant =
  | 'I1 determinism'
  | 'I2 prefix truth'
  | 'I3 no silent gap or rewrite'
  | 'I4 explainability'
  | 'I5 session'
  | 'I6 effect once'
  | 'I7 fencing'
  | 'I8 trim safety'
  | 'I9 recognition'
  | 'I10 liveness'
  | 'I11 static stability'
  | 'I12 bounded memory'
  | 'I13 segments'

export interface Violation {
  readonly invariant: Invariant
  readonly what: string
  readonly atMs: number
}

/** An answer that says fresh may lack only what was acknowledged within this time. */
const freshMs = 1_000

/** Between the log's word that there is no more and its arrival. */
const wordMs = 10

/** Where a replica was when it was looked at last. */
interface Looked {
  readonly applied: number
  readonly fingerprint: string
}

/** Looks at replicas and answers, and keeps what is wrong with them. */
export class Invariants {
  /** The first of each. */
  readonly violations: Violation[] = []
  private readonly truths: readonly ShardTruth[]
  private readonly now: () => number
  /** What the first replica that reached a position had there. */
  private readonly digests = new Map<string, string>()
  private readonly looked = new WeakMap<Shard, Looked>()

  constructor(truths: readonly ShardTruth[], now: () => number) {
    this.truths = truths
    this.now = now
  }

  broken(invariant: Invariant, what: string): void {
    if (this.violations.some((one) => one.invariant === invariant)) return
    this.violations.push({ invariant, what, atMs: Math.round(this.now()) })
  }

  /** A replica is a fold of a prefix of its log, and goes on where it was. */
  replica(node: string, shard: Shard): void {
    const { applied, fingerprint } = shard.state
    const before = this.looked.get(shard)
    if (before?.applied === applied) return
    this.looked.set(shard, { applied, fingerprint })
    const where = `shard ${shard.number} on ${node} at ${applied}`
    if (before && applied < before.applied)
      this.broken('I3 no silent gap or rewrite', `${where} was at ${before.applied}`)
    if (shard.flushed > applied)
      this.broken('I2 prefix truth', `${where} claims ${shard.flushed} on its disk`)
    const branches = this.branchesOf(shard)
    const digest = shard.state.digest.toString()
    const prefix = `${shard.number} ${applied} ${fingerprint}`
    const others = this.digests.get(prefix) ?? digest
    this.digests.set(prefix, others)
    if (others !== digest)
      this.broken('I1 determinism', `${where} has other facts than a replica that was there before`)
    if (branches.length === 0)
      this.broken('I3 no silent gap or rewrite', `${where} applied what its log does not hold`)
    if (branches.length > 0 && !branches.some(({ digests }) => digests[applied] === digest))
      this.broken('I2 prefix truth', `${where} has other facts than a fold of its log`)
    if (
      before &&
      branches.length > 0 &&
      !branches.some((one) => one.fingerprints[before.applied] === before.fingerprint)
    )
      this.broken('I3 no silent gap or rewrite', `${where} went on in a log that was rewritten`)
  }

  /** Each answer follows from a prefix of the log and from what was asked with it. */
  answered(node: string, shards: readonly Shard[], request: Uint8Array, reply: Uint8Array): void {
    const questions = parseQuestions(decode(request), builtInNamespaces)
    const { answers } = decodeAnswers(reply)
    for (const [i, answer] of answers.entries()) {
      const question = questions[i]
      if (answer.kind !== 'decision' || question?.kind !== 'decide') continue
      // Another node may have ended it, by a log that this one's replica does not follow.
      const [of, life] = answer.position
      const shard = shards.find(({ number, state }) => number === of && state.incarnation === life)
      if (shard) this.decision(node, shard, question, answer)
    }
  }

  private decision(node: string, shard: Shard, asked: DecideQuestion, answer: DecideAnswer): void {
    const [number, incarnation, applied] = answer.position
    const branch = this.branchesOf(shard).at(-1)
    const key = greatest(asked.identifiers, builtInNamespaces)
    // What travels with a question may have been in the log, and lost with its end.
    const isLost = this.truths[number]?.lostSince(askedAt(answer.decision))
    if (branch === undefined || key === undefined || isLost) return
    const known = new Set([...branch.events(key, applied), ...pendingOf(asked, key)])
    const content = contentOf(answer)
    const who = `${node} about ${key} on shard ${number} at ${applied}`
    if (content !== String(known.size) && !isOfPeople(key))
      this.broken('I4 explainability', `${who} counted ${content} events, which are ${known.size}`)
    if (answer.freshness !== 'fresh') return
    for (const [of, life, sequence] of asked.positions)
      if (of === number && life === incarnation && sequence > applied)
        this.broken('I5 session', `${who} calls fresh what lacks position ${sequence}`)
    if (this.now() > askedAt(answer.decision) + deadlineMs) return
    const late = this.now() - freshMs - wordMs
    const missing = branch.takenAt[applied + 1]
    if (missing !== undefined && missing < late)
      this.broken(
        'I5 session',
        `${who} calls fresh what lacks an entry of ${Math.round(this.now() - missing)} ms ago`,
      )
  }

  private branchesOf({ number, state }: Shard): readonly Branch[] {
    const { applied, fingerprint } = state
    const branches = this.truths[number]?.branches ?? []
    return branches.filter(({ fingerprints }) => fingerprints[applied] === fingerprint)
  }
}

/** Ids of the events that travel with a question. */
function pendingOf({ pending }: DecideQuestion, key: string): readonly string[] {
  return pending
    .flatMap((batch) => decodeBatch(batch).records)
    .filter((one) => isFields(one) && one.key === key && one.kind === 'event')
    .map((record) => (isFields(record) ? String(record.id) : ''))
}

function contentOf({ placements }: DecideAnswer): string {
  const [placement] = placements
  const content = placement && 'propositions' in placement && placement.propositions[0]?.content
  return String(content)
}

import type { Namespaces } from '@halfsecond/protocol'
import {
  decode,
  encode,
  HalfsecondError,
  identifierIn,
  isErrorCode,
  isFields,
  isFragmentId,
  isIdentifier,
} from '@halfsecond/protocol'
import type { TrialRead } from '../decisions/playbook-trials.ts'
import { experimentReadIn } from '../experiments/experiment-messages.ts'
import type { ReadRequest } from '../reads.ts'

/*
 * What a node that is asked about a visitor, and the node that holds the visitor's shard, say to
 * each other. An answer of any length comes in parts, which are asked for by their number, in order;
 * the same one again gives the same bytes.
 */

/** Bytes of an answer in one message: NATS refuses messages above 1 MiB. */
export const readPartBytes = 512 * 1024

const limits = { frameBytes: readPartBytes + 4_096, depth: 2, elementsPerItem: 16 }

export type ReadMessage =
  | { readonly op: 'read'; readonly request: ReadRequest }
  | { readonly op: 'read.more'; readonly id: number; readonly part: number }
  | { readonly op: 'read.end'; readonly id: number }

/** A part of an answer. */
export interface ReadPart {
  /** Names the answer, for the parts after the first. */
  readonly id: number
  readonly bytes: Uint8Array
  readonly isLast: boolean
}

export function encodeReadMessage(message: ReadMessage): Uint8Array {
  if (message.op !== 'read') return encode(message)
  // What is undefined has no form on the wire.
  const said = Object.entries(message.request).filter(([, value]) => value !== undefined)
  return encode({ op: 'read', ...Object.fromEntries(said) })
}

/** @throws HalfsecondError `INVALID` */
export function readMessageOf(
  value: { readonly [name: string]: unknown },
  namespaces: Namespaces,
): ReadMessage {
  const { op, id, part } = value
  if (op === 'read.more' && isCount(id) && isCount(part)) return { op, id, part }
  if (op === 'read.end' && isCount(id)) return { op, id }
  const request = op === 'read' ? requestOf(value, namespaces) : undefined
  if (request) return { op: 'read', request }
  throw new HalfsecondError('INVALID', 'no request that this node knows')
}

function requestOf(
  request: { readonly [name: string]: unknown },
  namespaces: Namespaces,
): ReadRequest | undefined {
  const { what, identifier, newest, placements, shard, source, text, version, asked } = request
  if (what === 'identityPlan')
    return isCount(shard) && typeof text === 'string' ? { what, shard, text } : undefined
  if (what === 'identityJudge' || what === 'identityLinks')
    return isCount(shard) && isCount(version) ? { what, shard, version } : undefined
  if (what === 'playbookTrial') return trialIn(request)
  if (what === 'outcomes' || what === 'timelines')
    return isCount(shard) && asked instanceof Uint8Array ? { what, shard, asked } : undefined
  if (what === 'export' || what === 'conflicts' || what === 'statistics')
    return isCount(shard) ? { what, shard } : undefined
  if (what === 'experimentSums' || what === 'experimentFacts') return experimentReadIn(request)
  if (what === 'source')
    return isCount(shard) && typeof source === 'string' ? { what, shard, source } : undefined
  if (!isFragmentId(identifier) || !isIdentifier(identifierIn(identifier), namespaces))
    return undefined
  if (what === 'head') return { what, identifier }
  if (what === 'profile') return { what, identifier, ...(isCount(newest) && { newest }) }
  if (what !== 'why' || !isIdentifier(identifier, namespaces)) return undefined
  if (!Array.isArray(placements)) return { what, identifier }
  return { what, identifier, placements: placements.filter((one) => typeof one === 'string') }
}

function trialIn(request: { readonly [name: string]: unknown }): TrialRead | undefined {
  const { shard, hash, count, now, forMs } = request
  const numbers = [shard, count, now, forMs].every(isCount)
  if (!numbers || typeof hash !== 'string') return undefined
  return {
    what: 'playbookTrial',
    shard: Number(shard),
    hash,
    count: Number(count),
    now: Number(now),
    forMs: Number(forMs),
  }
}

export function encodeReadPart(part: ReadPart): Uint8Array {
  return encode(part)
}

/** @throws HalfsecondError the one that was answered, or `MALFORMED` */
export function readPartOf(answer: Uint8Array): ReadPart {
  const value = decode(answer, limits)
  if (isFields(value)) {
    const { id, bytes, isLast, error, message } = value
    if (isErrorCode(error)) throw new HalfsecondError(error, String(message))
    if (isCount(id) && bytes instanceof Uint8Array && typeof isLast === 'boolean')
      return { id, bytes, isLast }
  }
  throw new HalfsecondError('MALFORMED', 'not a part of an answer')
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

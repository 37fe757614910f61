import { hash, timingSafeEqual } from 'node:crypto'
import { wireVersion } from './batch.ts'
import { bounds } from './bounds.ts'
import { decode, encode } from './codec.ts'
import { HalfsecondError } from './errors.ts'
import {
  builtInNamespaces,
  type Identifier,
  isIdentifier,
  type Namespaces,
  namespaceOf,
} from './identifier.ts'
import type { LinkRecord, OutcomeRecord } from './records.ts'
import { armsFault, idFault, isTime, nameFault, trialFault } from './validate.ts'

/*
 * The signed receipt of a proposition. It travels through pages, links and forms and brings an
 * outcome back. Text: base64url(MessagePack of the fields ‖ first 16 bytes of their HMAC-SHA-256).
 */

/** What a token says. */
export interface Token {
  readonly decision: string
  /** The identifier that the decision was made for; outcomes are recorded under it. */
  readonly key: Identifier
  readonly placement: string
  readonly offer: string
  readonly treatment: string
  readonly playbook: number
  readonly decidedAt: number
  readonly expiresAt: number
  /** What is learnt from its outcomes; absent where nobody learns. */
  readonly trial?: string | undefined
  /** Arms of experiments, `experiment=arm`; absent outside of experiments. */
  readonly arms?: readonly string[] | undefined
}

/** The outcome that a token brings back says so much of what was decided. */
export function outcomeOf({
  decision,
  key,
  placement,
  offer,
  treatment,
  trial,
  arms,
}: Token): Omit<OutcomeRecord, 'id' | 'at' | 'outcome'> {
  return {
    kind: 'outcome',
    key,
    decision,
    placement,
    offer,
    treatment,
    ...(trial !== undefined && { trial }),
    ...(arms !== undefined && { arms }),
  }
}

interface Key {
  readonly id: string
  readonly inner: Uint8Array
  readonly outer: Uint8Array
}

/** Two live keys at most are usual: the first signs, every one verifies. */
export class TokenKeys {
  private readonly keys: readonly [Key, ...Key[]]

  /**
   * @param text `id:base64,id:base64`, as in HALFSECOND_TOKEN_KEYS; keys of at least 32 bytes
   * @throws HalfsecondError `INVALID`
   */
  constructor(text: string) {
    const [first, ...others] = text.split(',').map(parseKey)
    if (!first) throw new HalfsecondError('INVALID', 'no token key')
    this.keys = [first, ...others]
  }

  sign(token: Token): string {
    const [key] = this.keys
    const { trial, arms } = token
    const said: unknown[] = [
      wireVersion,
      key.id,
      token.decision,
      token.key,
      token.placement,
      token.offer,
      token.treatment,
      token.playbook,
      token.decidedAt,
      token.expiresAt,
    ]
    if (trial !== undefined || arms !== undefined) said.push(trial ?? null)
    if (arms !== undefined) said.push(arms)
    const fields = encode(said)
    const bytes = Buffer.allocUnsafe(fields.length + macBytes)
    bytes.set(fields)
    mac(key, fields).copy(bytes, fields.length, 0, macBytes)
    return bytes.toString('base64url')
  }

  /**
   * @throws HalfsecondError `MALFORMED` for text that is no token, `FORBIDDEN` for one that we did
   *   not sign or that has expired
   */
  verify(text: string, nowMs: number, namespaces: Namespaces = builtInNamespaces): Token {
    const { token, keyId, fields, signature } = readToken(text, namespaces)
    const key = this.keys.find((one) => one.id === keyId)
    if (!key || !timingSafeEqual(mac(key, fields).subarray(0, macBytes), signature)) {
      throw new HalfsecondError(
        'FORBIDDEN',
        'the token was not signed with a key of this cluster; are HALFSECOND_TOKEN_KEYS the same everywhere?',
      )
    }
    if (nowMs > token.expiresAt) {
      throw new HalfsecondError(
        'FORBIDDEN',
        `the token expired at ${new Date(token.expiresAt).toISOString()}`,
      )
    }
    return token
  }
}

const macBytes = 16
const blockBytes = 64

function parseKey(text: string): Key {
  const [id, base64, ...rest] = text.trim().split(':')
  const secret = Buffer.from(base64 ?? '', 'base64')
  if (!id || rest.length > 0 || idFault('id', id) !== undefined || secret.length < 32) {
    throw new HalfsecondError(
      'INVALID',
      'a token key is id:base64 of at least 32 bytes; make one with: openssl rand -base64 32',
    )
  }
  const padded = Buffer.alloc(blockBytes)
  ;(secret.length > blockBytes ? hash('sha256', secret, 'buffer') : secret).copy(padded)
  return { id, inner: padded.map((byte) => byte ^ 0x36), outer: padded.map((byte) => byte ^ 0x5c) }
}

/** RFC 2104, as two one-shot hashes: five times faster than a crypto.Hmac object per token. */
function mac(key: Key, message: Uint8Array): Buffer {
  const inner = Buffer.allocUnsafe(blockBytes + message.length)
  inner.set(key.inner)
  inner.set(message, blockBytes)
  const outer = Buffer.allocUnsafe(blockBytes + 32)
  outer.set(key.outer)
  outer.set(hash('sha256', inner, 'buffer'), blockBytes)
  return hash('sha256', outer, 'buffer')
}

interface ReadToken {
  readonly token: Token
  readonly keyId: string
  readonly fields: Uint8Array
  readonly signature: Uint8Array
}

function noToken(): HalfsecondError {
  return new HalfsecondError('MALFORMED', 'not a token: pass on proposition.token unchanged')
}

/** Where in its bytes a token is broken helps nobody who holds one. */
function fieldsIn(bytes: Uint8Array): unknown {
  try {
    return decode(bytes)
  } catch {
    throw noToken()
  }
}

function readToken(text: string, namespaces: Namespaces): ReadToken {
  // A form or link that has no token gives undefined, whatever its types say.
  if (typeof text !== 'string' || text.length > bounds.tokenChars || !/^[\w-]+$/.test(text)) {
    throw noToken()
  }
  const bytes = Buffer.from(text, 'base64url')
  const fields = bytes.subarray(0, Math.max(0, bytes.length - macBytes))
  const value = fieldsIn(fields)
  if (!Array.isArray(value)) throw noToken()
  const [
    v,
    keyId,
    decision,
    key,
    placement,
    offer,
    treatment,
    playbook,
    decidedAt,
    expiresAt,
    learning,
    arms,
  ]: unknown[] = value
  const trial = learning ?? undefined
  if (
    v !== wireVersion ||
    !isText(keyId, idFault('key id', keyId)) ||
    !isText(decision, idFault('decision', decision)) ||
    !isIdentifier(key, namespaces) ||
    !isText(placement, nameFault('placement', placement)) ||
    !isText(offer, nameFault('offer', offer)) ||
    !isText(treatment, nameFault('treatment', treatment)) ||
    typeof playbook !== 'number' ||
    !isTime(decidedAt) ||
    !isTime(expiresAt) ||
    !isTrial(trial) ||
    !areArms(arms)
  ) {
    throw new HalfsecondError('MALFORMED', 'not a token of this version')
  }
  const token = {
    decision,
    key,
    placement,
    offer,
    treatment,
    playbook,
    decidedAt,
    expiresAt,
    ...(trial !== undefined && { trial }),
    ...(arms !== undefined && { arms }),
  }
  return { token, keyId, fields, signature: bytes.subarray(fields.length) }
}

function isText(value: unknown, fault: string | undefined): value is string {
  return typeof value === 'string' && fault === undefined
}

function isTrial(value: unknown): value is string | undefined {
  return trialFault(value) === undefined
}

function areArms(value: unknown): value is readonly string[] | undefined {
  return armsFault(value) === undefined
}

/** What a token says, without judging who signed it: for display only. */
export function peekToken(text: string, namespaces: Namespaces = builtInNamespaces): Token {
  return readToken(text, namespaces).token
}

/**
 * The link that a landing is: whoever came by a message with this token, on this device, is its reader.
 * @throws HalfsecondError `INVALID` where the token names nobody who could be sent a message, or
 *   `device` is none
 */
export function landingLink(
  { key }: Token,
  device: Identifier,
  namespaces: Namespaces = builtInNamespaces,
): Pick<LinkRecord, 'kind' | 'key' | 'to' | 'strength'> {
  const classOf = (one: Identifier) => namespaces.get(namespaceOf(one))?.class
  const reader = classOf(key)
  if (reader !== 'account' && reader !== 'contact')
    throw new HalfsecondError(
      'INVALID',
      `the token was made for ${key}: take one of a decision for an account or an address`,
    )
  const visitor = classOf(device)
  if (visitor !== 'device' && visitor !== 'session')
    throw new HalfsecondError('INVALID', `${device} names no device, like anon:… does`)
  return { kind: 'link', key: device, to: key, strength: 'authenticated' }
}

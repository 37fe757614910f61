import {
  decodeTrusted,
  encode,
  type FragmentId,
  type Identifier,
  identifierIn,
  isFragmentId,
  isWirePosition,
  type WirePosition,
} from '@halfsecond/protocol'
import { AssertionError, assert } from '../assert.ts'
import type { Version } from '../identity/ties.ts'
import type { Calendar } from './calendar.ts'
import type { Choice, DecideRequest, Exposure, Profile } from './decide.ts'
import {
  type LoggedChance,
  type LoggedProposition,
  readChance,
  readPropositions,
  storedChance,
} from './logged-chance.ts'
import { storedProfile } from './logged-profile.ts'
import { decideAgain, isSameAs } from './made-again.ts'
import type { Playbook } from './playbook.ts'
import type { Trace } from './verdict.ts'

/*
 * A decision as it is logged, with all that it was made of, so that it can be made again without
 * the past: on any node, and after the log was trimmed.
 *
 *   u8 version │ u8 halvings │ u16 length of the head, little-endian │ head │ body
 *
 * Head and body are MessagePack:
 *
 *   [decision, at, node, key, [id, sequence, index, …]]
 *   [playbook version, placements, exposures, positions, pending, position, isFresh, choices,
 *    model version, profile as in `logged-profile.ts`, isPrimary, refused, tried]
 *
 * An id of the head that is the key is null. `pending` counts the batches that no log had
 * confirmed. A choice is
 * `[reason, offer, treatment, probability, …]`. One of 2^halvings decisions is logged.
 * `tried` is there where chance or an experiment had a say: for each choice null, or
 * `[arms, trial, would have, rates]`, as in `logged-chance.ts`.
 */
const entryVersion = 1
const headAt = 4

/**
 * Most profiles take a few hundred bytes; one with full rings of many features takes as much as a
 * copy of a fragment. What is larger is logged without the profile, and cannot be made again.
 */
export const loggedBytesMax = 64 * 1024

/** A decision that was just made. */
export interface Decided {
  readonly decision: string
  readonly node: string
  readonly key: Identifier
  readonly members: Iterable<FragmentId>
  readonly versionOf: (member: FragmentId) => Version | undefined
  readonly request: DecideRequest
  readonly positions: readonly WirePosition[]
  readonly pending: number
  readonly position: WirePosition
  readonly isFresh: boolean
  readonly playbook: Playbook
  readonly playbookVersion: number
  readonly profile: Profile
  readonly choices: readonly Choice[]
}

export interface LoggedHead {
  readonly decision: string
  readonly at: number
  readonly node: string
  readonly key: Identifier
  readonly members: readonly LoggedMember[]
  /** One of so many decisions was logged then. */
  readonly oneOf: number
}

export interface LoggedMember {
  readonly id: FragmentId
  readonly version: Version
}

/** What was shown at a placement. */
export interface LoggedChoice extends LoggedChance {
  readonly placement: string
  readonly reason: string
  readonly propositions: readonly LoggedProposition[]
}

export interface LoggedDecision extends LoggedHead {
  readonly playbookVersion: number
  readonly exposures: readonly Exposure[]
  readonly isPrimary: boolean
  readonly refused: readonly Exposure[]
  readonly positions: readonly WirePosition[]
  readonly pending: number
  readonly position: WirePosition
  readonly isFresh: boolean
  /** Version of the model that decided with it; 0 for none. */
  readonly model: number
  readonly choices: readonly LoggedChoice[]
  /** What `rederive` needs; undefined where it was too large. */
  readonly stored: readonly unknown[] | undefined
}

/**
 * Encodes a decision at once: what its profile holds changes with the next fold. Undefined for a
 * person of so many identifiers that they alone are too large.
 * @param halvings one of 2^halvings decisions is logged at present
 */
export function encodeDecision(decided: Decided, halvings: number): Uint8Array | undefined {
  const head = encodeHead(decided)
  const whole = headAt + head.length
  const bodyMax = loggedBytesMax - whole
  const body = encodeBody(decided, true)
  const kept = body.length <= bodyMax ? body : encodeBody(decided, false)
  if (kept.length > bodyMax) return undefined
  const entry = new Uint8Array(whole + kept.length)
  entry[0] = entryVersion
  setHalvings(entry, halvings)
  entry[2] = head.length & 0xff
  entry[3] = head.length >> 8
  entry.set(head, headAt)
  entry.set(kept, whole)
  return entry
}

function encodeHead({ decision, node, key, members, versionOf, request }: Decided): Uint8Array {
  const flat: unknown[] = []
  for (const id of members) {
    const { sequence, index } = versionOf(id) ?? unknownVersion
    flat.push(id === key ? null : id, sequence, index)
  }
  return encode([decision, request.now, node, key, flat])
}

function encodeBody(decided: Decided, isProfileKept: boolean): Uint8Array {
  const { request, profile, playbook } = decided
  const stored = isProfileKept ? storedProfile(profile, playbook) : null
  const body: unknown[] = [
    decided.playbookVersion,
    request.placements.map(({ name }) => name),
    storedExposures(request.exposures),
    decided.positions,
    decided.pending,
    decided.position,
    decided.isFresh,
    decided.choices.map(storedChoice),
    request.model?.version ?? 0,
    stored,
    request.isPrimary ?? true,
    storedExposures(request.refused ?? []),
  ]
  const tried = decided.choices.map(storedChance)
  if (tried.some((one) => one !== null)) body.push(tried)
  return encode(body)
}

function storedExposures(exposures: readonly Exposure[]): string[] {
  return exposures.flatMap(({ placement, offer, known }) => [placement, offer, known ?? ''])
}

/** Says that one of 2^halvings decisions is logged: of those, this is one. */
export function setHalvings(entry: Uint8Array, halvings: number): void {
  entry[1] = halvings
}

/** One of how many decisions was logged when this was; 1 for what is no entry. */
export function oneOfIn(entry: Uint8Array): number {
  return 2 ** (entry[1] ?? 0)
}

/** Whose decision it was. Undefined for bytes that are no entry of this version. */
export function headOf(entry: Uint8Array): LoggedHead | undefined {
  if (entry[0] !== entryVersion) return undefined
  try {
    return readHead(decodeTrusted(entry, headAt, headEnd(entry)), oneOfIn(entry))
  } catch {
    return undefined
  }
}

/** @throws AssertionError for bytes that are no entry of this version */
export function readDecision(entry: Uint8Array): LoggedDecision {
  const head = headOf(entry)
  assert(head !== undefined, 'a logged decision of a known version')
  const body = decoded(entry)
  const [version, placements, exposures, positions, pending, position, ...rest]: unknown[] = body
  const [isFresh, choices, model, stored, isPrimary, refused, tried]: unknown[] = rest
  assert(
    typeof version === 'number' &&
      isTexts(placements) &&
      isTexts(exposures) &&
      isTexts(refused) &&
      Array.isArray(positions) &&
      positions.every(isWirePosition) &&
      typeof pending === 'number' &&
      isWirePosition(position) &&
      typeof model === 'number' &&
      Array.isArray(choices),
    'a logged decision that is whole',
  )
  return {
    ...head,
    playbookVersion: version,
    exposures: exposuresIn(exposures),
    isPrimary: isPrimary === true,
    refused: exposuresIn(refused),
    positions,
    pending,
    position,
    isFresh: isFresh === true,
    model,
    choices: placements.map((placement, i) => ({
      ...readChoice(placement, choices[i]),
      ...readChance(Array.isArray(tried) ? tried[i] : null),
    })),
    stored: Array.isArray(stored) ? stored : undefined,
  }
}

export interface Rederived {
  readonly choices: readonly Choice[]
  /** By placement. */
  readonly traces: ReadonlyMap<string, Trace>
  /** Whether it shows what was shown. */
  readonly isSame: boolean
  /** Time zone of the visitor, as far as it was known. */
  readonly zone: string
}

/**
 * Makes a logged decision again. Undefined where this is not the playbook that it was made by, or
 * this version of halfsecond keeps something else of the past.
 */
export function rederive(
  logged: LoggedDecision,
  playbook: Playbook,
  calendar: Calendar,
): Rederived | undefined {
  const traces = new Map<string, Trace>()
  const again = decideAgain(logged, playbook, calendar, { traces })
  if (again === undefined) return undefined
  const { made, profile } = again
  const choices = made.map((choice, i) => withLogged(choice, logged.choices[i], traces))
  const zone = profile.traits?.get('zone')?.value
  return {
    choices,
    traces,
    isSame: isSameAs(logged, choices),
    zone: typeof zone === 'string' ? zone : playbook.zone,
  }
}

const unknownVersion: Version = { sequence: 0, index: 0 }

function storedChoice({ reason, propositions }: Choice): unknown[] {
  const stored: unknown[] = [reason]
  for (const { offer, treatment, probability = 1 } of propositions)
    if (offer !== undefined) stored.push(offer, treatment, probability)
  return stored
}

function headEnd(entry: Uint8Array): number {
  return headAt + (entry[2] ?? 0) + ((entry[3] ?? 0) << 8)
}

function readHead(value: unknown, oneOf: number): LoggedHead | undefined {
  if (!Array.isArray(value)) return undefined
  const [decision, at, node, key, flat]: unknown[] = value
  if (typeof decision !== 'string' || typeof at !== 'number' || typeof node !== 'string')
    return undefined
  if (!isFragmentId(key) || !Array.isArray(flat)) return undefined
  const members: LoggedMember[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [id, sequence, index]: unknown[] = flat.slice(i, i + 3)
    if (typeof sequence !== 'number' || typeof index !== 'number') return undefined
    if (id !== null && !isFragmentId(id)) return undefined
    members.push({ id: id ?? key, version: { sequence, index } })
  }
  return { decision, at, node, key: identifierIn(key), members, oneOf }
}

function decoded(entry: Uint8Array): unknown[] {
  try {
    const body = decodeTrusted(entry, headEnd(entry), entry.length)
    if (Array.isArray(body)) return body
  } catch {
    // Said below.
  }
  throw new AssertionError('a logged decision whose body can be read')
}

function readChoice(
  placement: string,
  stored: unknown,
): Pick<LoggedChoice, 'placement' | 'reason' | 'propositions'> {
  assert(Array.isArray(stored), 'what was chosen')
  const [reason, ...flat]: unknown[] = stored
  assert(typeof reason === 'string', 'why it was chosen')
  return { placement, reason, propositions: readPropositions(flat) }
}

/** Of the draws only those that counted are kept, so probabilities are what they were logged as. */
function withLogged(
  choice: Choice,
  logged: LoggedChoice | undefined,
  traces: Map<string, Trace>,
): Choice {
  if (choice.rates === undefined) return choice
  const loggedOf = (offer: string | undefined) =>
    logged?.propositions.find((one) => one.offer === offer)?.probability
  const trace = traces.get(choice.placement.name)
  if (trace !== undefined) {
    const candidates = trace.candidates.map((judged) =>
      judged.probability === undefined
        ? judged
        : { ...judged, probability: loggedOf(judged.candidate.offer.name) },
    )
    traces.set(choice.placement.name, { ...trace, candidates })
  }
  const propositions = choice.propositions.map((one) => {
    const probability = loggedOf(one.offer)
    return probability === undefined ? one : { ...one, probability }
  })
  return { ...choice, propositions }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function exposuresIn(flat: readonly string[]): Exposure[] {
  const exposures: Exposure[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [placement = '', offer = '', known] = flat.slice(i, i + 3)
    const isKnown = known === 'granted' || known === 'displayed' || known === 'repeated'
    exposures.push(isKnown ? { placement, offer, known } : { placement, offer })
  }
  return exposures
}

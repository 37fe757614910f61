import { bounds } from './bounds.ts'
import { isFragmentId } from './fragment-id.ts'
import { evenBlocked, identifierFault, type Namespaces } from './identifier.ts'
import { type Fields, isFields, membersFault, otherFault, startBudget } from './properties.ts'
import {
  type ChannelKind,
  type ChannelRecord,
  grantScopes,
  type OutboxRecord,
  type Outcome,
  type OwnRecord,
  outcomes,
  type PrimaryOwnRecord,
  reservedNames,
  strengths,
  type TriggeredDecision,
} from './records.ts'
import { isLonger, isPrintable } from './text.ts'

/*
 * One set of rules, run by clients and doors before a record is published and by the fold when it
 * is read. Total and without side effect: undefined means valid, text says what is wrong.
 */

const knownOutcomes: ReadonlySet<unknown> = new Set(outcomes)
const knownStrengths: ReadonlySet<unknown> = new Set(strengths)

export function isChannelRecord(value: unknown, namespaces: Namespaces): value is ChannelRecord {
  return recordFault(value, namespaces) === undefined
}

/** Why a channel may not write this, or undefined. */
export function recordFault(value: unknown, namespaces: Namespaces): string | undefined {
  if (!isFields(value)) return 'a record is a map'
  startBudget()
  // What was blocked since can be taken back.
  const isRemoval = value.kind === 'erase' || value.kind === 'unlink'
  const known = isRemoval ? evenBlocked(namespaces) : namespaces
  return commonFault(value, known) ?? kindFault(value, known)
}

function kindFault(value: Fields, namespaces: Namespaces): string | undefined {
  switch (value.kind) {
    case 'event':
      return eventFault(value) ?? othersFault(value, 'event')
    case 'traits':
      return traitsFault(value) ?? othersFault(value, 'traits')
    case 'link':
      return linkFault(value, namespaces) ?? othersFault(value, 'link')
    case 'unlink':
      return targetFault(value, namespaces) ?? othersFault(value, 'unlink')
    case 'logout':
      return othersFault(value, 'logout')
    case 'outcome':
      return outcomeFault(value) ?? othersFault(value, 'outcome')
    case 'consent':
      return consentFault(value) ?? othersFault(value, 'consent')
    case 'erase':
      return eraseFault(value) ?? othersFault(value, 'erase')
    default:
      return 'no such kind of record for a channel'
  }
}

const commonFields = ['kind', 'id', 'key', 'at', 'n', 'channel', 'source']
const fieldsOf: { readonly [kind in ChannelKind]: ReadonlySet<string> } = {
  event: new Set([...commonFields, 'name', 'properties']),
  traits: new Set([...commonFields, 'set', 'unset']),
  link: new Set([...commonFields, 'to', 'strength']),
  unlink: new Set([...commonFields, 'to']),
  logout: new Set(commonFields),
  outcome: new Set([
    ...commonFields,
    'decision',
    'placement',
    'offer',
    'treatment',
    'outcome',
    'reason',
    'across',
    'trial',
    'arms',
  ]),
  consent: new Set([...commonFields, 'purpose', 'granted']),
  erase: new Set([...commonFields, 'eraseId', 'epoch']),
}

/** Fields of later versions are kept, so they must be plain and bounded like properties. */
function othersFault(value: Fields, kind: ChannelKind): string | undefined {
  const known = fieldsOf[kind]
  let count = 0
  for (const name in value) {
    if (++count > bounds.keysPerMap) return `at most ${bounds.keysPerMap} fields in a record`
    if (value[name] === undefined) return 'a field without a value is left out'
    if (known.has(name)) continue
    const fault = otherFault(name, value[name])
    if (fault !== undefined) return fault
  }
  return undefined
}

function linkFault(value: Fields, namespaces: Namespaces): string | undefined {
  return knownStrengths.has(value.strength)
    ? targetFault(value, namespaces)
    : `strength is one of ${strengths.join(', ')}`
}

function consentFault(value: Fields): string | undefined {
  return (
    nameFault('purpose', value.purpose) ??
    (typeof value.granted === 'boolean' ? undefined : 'granted is true or false')
  )
}

function eraseFault(value: Fields): string | undefined {
  const fault = idFault('eraseId', value.eraseId)
  if (fault !== undefined) return fault
  return value.epoch === undefined || isEpoch(value.epoch)
    ? undefined
    : `epoch is a whole number from 0, below ${bounds.epochsPerDevice}`
}

function commonFault(value: Fields, namespaces: Namespaces): string | undefined {
  const fault = idFault('id', value.id) ?? identifierFault(value.key, namespaces)
  if (fault !== undefined) return fault
  if (!isTime(value.at))
    return 'at is a time in whole milliseconds since 1970, before the year 10000'
  if (value.n !== undefined && !isNumber(value.n)) return 'n is a whole number from 1'
  if (value.channel !== undefined) {
    const channel = nameFault('channel', value.channel)
    if (channel !== undefined) return channel
  }
  return value.source === undefined ? undefined : nameFault('source', value.source)
}

function eventFault(value: Fields): string | undefined {
  const fault = nameFault('name', value.name)
  if (fault !== undefined) return fault
  if (reservedNames.has(String(value.name)))
    return 'name is reserved for a kind of record or an outcome'
  return membersFault('properties', value.properties)
}

function traitsFault(value: Fields): string | undefined {
  const fault = membersFault('set', value.set)
  if (fault !== undefined) return fault
  const { set, unset } = value
  if (!isFields(set) || !Array.isArray(unset)) return 'unset is a list of trait names'
  let count = unset.length
  for (const name of unset) {
    const unsetFault = nameFault('a name in unset', name)
    if (unsetFault !== undefined) return unsetFault
  }
  for (const name in set) {
    if (set[name] === null) return 'a trait is removed by unset, not by null'
    count++
  }
  return count <= bounds.traitsPerRecord
    ? undefined
    : `at most ${bounds.traitsPerRecord} traits in one record`
}

function targetFault(value: Fields, namespaces: Namespaces): string | undefined {
  const fault = identifierFault(value.to, namespaces)
  if (fault !== undefined) return `to: ${fault}`
  return value.to === value.key ? 'an identifier is not linked to itself' : undefined
}

function outcomeFault(value: Fields): string | undefined {
  if (!isOutcome(value.outcome)) return `outcome is one of ${outcomes.join(', ')}`
  return (
    idFault('decision', value.decision) ??
    nameFault('placement', value.placement) ??
    nameFault('offer', value.offer) ??
    nameFault('treatment', value.treatment) ??
    (value.reason === undefined ? undefined : nameFault('reason', value.reason)) ??
    acrossFault(value) ??
    trialFault(value.trial) ??
    armsFault(value.arms)
  )
}

/** Why this is not what a token says of learning, or undefined. */
export function trialFault(trial: unknown): string | undefined {
  return trial === undefined || isShort(trial, bounds.trialChars)
    ? undefined
    : `trial is text of at most ${bounds.trialChars} characters, as the token had it`
}

/** Why these are no arms of experiments, or undefined. */
export function armsFault(arms: unknown): string | undefined {
  return arms === undefined ||
    (Array.isArray(arms) &&
      arms.length <= bounds.armsPerDecision &&
      arms.every((arm) => isShort(arm, bounds.armChars)))
    ? undefined
    : `arms are at most ${bounds.armsPerDecision} texts, experiment=arm, as the token had them`
}

function isShort(value: unknown, chars: number): value is string {
  return typeof value === 'string' && value.length <= chars && isPrintable(value)
}

function acrossFault({ across, outcome }: Fields): string | undefined {
  if (across === undefined) return undefined
  return across === 'group' && outcome === 'unsubscribe'
    ? undefined
    : 'across is group, and of an unsubscribe'
}

export function isOutcome(value: unknown): value is Outcome {
  return knownOutcomes.has(value)
}

/** Own records come from nodes only, so they are checked for shape, not for intent. */
export function isPrimaryOwnRecord(value: unknown): value is PrimaryOwnRecord {
  if (!isFields(value) || !isNumber(value.epoch)) return false
  switch (value.kind) {
    case 'primary':
      return typeof value.node === 'string'
    case 'tick':
      return isTime(value.wall)
    case 'playbook':
      return isNumber(value.version) && typeof value.hash === 'string'
    case 'barrier':
      return isNumber(value.foldVersion)
    case 'identity':
      return isNumber(value.version) && typeof value.text === 'string'
    case 'sent':
      return isShard(value.destination) && isNumber(value.upTo)
    case 'expire':
      return isFragmentId(value.id) && isTime(value.idleSince)
    case 'judge':
      return isFragmentId(value.id)
    case 'segment':
      return (
        isFragmentId(value.id) &&
        typeof value.segment === 'string' &&
        typeof value.isIn === 'boolean' &&
        isTime(value.at) &&
        isNumber(value.seen) &&
        isNumber(value.playbook) &&
        Array.isArray(value.decisions) &&
        value.decisions.every(isTriggered)
      )
    case 'grant':
      return isGrant(value)
    default:
      return false
  }
}

function isTriggered(value: unknown): value is TriggeredDecision {
  return (
    isFields(value) &&
    typeof value.decision === 'string' &&
    typeof value.placement === 'string' &&
    typeof value.offer === 'string' &&
    typeof value.treatment === 'string' &&
    typeof value.token === 'string' &&
    typeof value.content === 'string'
  )
}

function isGrant(value: Fields): boolean {
  const { id, at, decision, placement, offer, group, channel, treatment, limits } = value
  return (
    isFragmentId(id) &&
    isTime(at) &&
    idFault('decision', decision) === undefined &&
    [placement, offer, channel].every((name) => nameFault('name', name) === undefined) &&
    (group === undefined || nameFault('group', group) === undefined) &&
    (treatment === undefined || nameFault('treatment', treatment) === undefined) &&
    trialFault(value.trial) === undefined &&
    armsFault(value.arms) === undefined &&
    (limits === undefined || (Array.isArray(limits) && limits.every(isGrantLimit)))
  )
}

const knownScopes: ReadonlySet<unknown> = new Set(grantScopes)

function isGrantLimit(limit: unknown): boolean {
  if (!isFields(limit)) return false
  const { scope, max, since } = limit
  return knownScopes.has(scope) && Number.isSafeInteger(max) && (since === -1 || isTime(since))
}

export function isOwnRecord(value: unknown): value is OwnRecord {
  return isPrimaryOwnRecord(value) || isOutboxRecord(value)
}

/** As `isPrimaryOwnRecord`, for what one shard tells another. */
export function isOutboxRecord(value: unknown): value is OutboxRecord {
  if (!isFields(value) || !isNumber(value.n)) return false
  const { from, to } = value
  if (!isFragmentId(from) || !isFragmentId(to)) return false
  switch (value.kind) {
    case 'edge':
      return (
        (value.since === null || isTime(value.since)) &&
        (value.also === null || isFragmentId(value.also))
      )
    case 'copy':
      return isFragmentId(value.id) && value.fragment instanceof Uint8Array
    case 'gone':
      return isFragmentId(value.id)
    case 'refuse':
      return (
        isFragmentId(value.upper) &&
        isTime(value.since) &&
        typeof value.reason === 'string' &&
        (value.isOverLimit === undefined || value.isOverLimit === true)
      )
    case 'reinstate':
      return isFragmentId(value.upper) && isTime(value.since)
    case 'mention':
      return value.at === null || isTime(value.at)
    case 'erase':
      return (
        typeof value.eraseId === 'string' && isTime(value.at) && typeof value.check === 'boolean'
      )
    case 'erased':
      return typeof value.eraseId === 'string'
    default:
      return false
  }
}

/** Names of events, placements, offers, channels, purposes: short printable text. */
export function nameFault(field: string, value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length === 0) return `${field} is missing`
  if (isLonger(value, bounds.nameBytes)) return `${field} is longer than ${bounds.nameBytes} bytes`
  if (!isPrintable(value)) return `${field} must be printable text`
  return undefined
}

export function idFault(field: string, value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length === 0) return `${field} is missing`
  if (value.length > bounds.idBytes) return `${field} is longer than ${bounds.idBytes} bytes`
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    if (unit < 0x21 || unit > 0x7e) return `${field} must be ASCII text without spaces`
  }
  return undefined
}

/** Below the year 10000, so that every time has an ISO form of 24 characters. */
const timeMax = 253_402_300_799_999

export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= timeMax
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
}

function isEpoch(value: unknown): boolean {
  return isShard(value) && Number(value) < bounds.epochsPerDevice
}

function isShard(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

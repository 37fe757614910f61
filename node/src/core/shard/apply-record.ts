import {
  type ChannelRecord,
  type EraseRecord,
  type FragmentId,
  fragmentIdOf,
  identifierIn,
  type LinkRecord,
  namespaceOf,
  type UnlinkRecord,
} from '@halfsecond/protocol'
import { identityOf } from '../fragment/entry.ts'
import {
  effectiveTime,
  evolve,
  type FragmentRecord,
  isKnown,
  type Logged,
} from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import {
  type Device,
  epochAt,
  isShared,
  login,
  logout,
  meantOtherwise,
  touch,
} from '../identity/device.ts'
import { erase } from '../identity/erase.ts'
import { isLogin, isLower, type Linked, refuseLink, tellLink } from '../identity/links.ts'
import { hasUntold } from '../identity/mentions.ts'
import { linksMax } from '../identity/ties.ts'
import { type Recognition, setVersion } from './recognition.ts'

/** What a record did. A `reason` sends it to the dead letters, whole. */
export type Applied = 'changed' | 'nothing' | { readonly reason: string }

/** Whether a record can only touch its fragment's own facts, so that recognition has no say. */
export function isPlain(
  record: ChannelRecord,
  { ties, device }: Fragment,
): record is FragmentRecord {
  if (ties !== null || device !== null) return false
  switch (record.kind) {
    case 'event':
    case 'traits':
    case 'outcome':
    case 'consent':
      return true
    case 'link':
    case 'unlink':
    case 'logout':
    case 'erase':
      return false
  }
}

/**
 * Applies one valid record by the rules of recognition: facts from before an erase are refused, a
 * device's facts go to the epoch of their time, links are kept at their lower end.
 */
export function applyRecord(
  first: Fragment,
  record: ChannelRecord,
  logged: Logged,
  recognition: Recognition,
): Applied {
  switch (record.kind) {
    case 'link':
    case 'unlink':
      return applyLink(first, record, logged, recognition)
    case 'erase':
      return applyErase(first, record, logged, recognition)
    case 'logout': {
      const applied = applyFact(first, record, logged, recognition)
      endEpoch(first, record.at, logged, recognition)
      return applied
    }
    default:
      return applyFact(first, record, logged, recognition)
  }
}

function applyFact(
  first: Fragment,
  record: FragmentRecord,
  logged: Logged,
  recognition: Recognition,
): Applied {
  const at = effectiveTime(record, logged.timestamp)
  if (isKnownInAnyEpoch(first, record, at, recognition)) return 'nothing'
  const fragment = fragmentAt(first, at, logged, recognition)
  if (isBuried(fragment, at)) return 'nothing'
  if (!evolve(fragment, record, logged, recognition.facts)) return 'nothing'
  recognition.changed(fragment, false)
  if (record.kind === 'outcome') recognition.learn(fragment, record, logged)
  return 'changed'
}

function isBuried({ ties }: Fragment, at: number): boolean {
  return ties !== null && ties.tomb !== null && at <= ties.tomb.at
}

/** The fragment of the epoch that holds this time: it may be the first of a new one. */
function fragmentAt(
  first: Fragment,
  at: number,
  logged: Logged,
  recognition: Recognition,
): Fragment {
  if (first.device === null) return first
  const { device, epoch } = touch(first.device, at)
  setDevice(first, device, logged, recognition)
  return epoch === 0 ? first : recognition.facts.activate(epochId(first, epoch))
}

function epochId({ identifier }: Fragment, epoch: number): FragmentId {
  return fragmentIdOf(identifierIn(identifier), epoch)
}

/** What was folded before the device changed hands stays where it was: sent again it is known. */
function isKnownInAnyEpoch(
  first: Fragment,
  record: FragmentRecord,
  at: number,
  { facts }: Recognition,
): boolean {
  const epochs = first.device?.epochs.length ?? 1
  if (epochs === 1) return false
  if (record.kind === 'traits' || record.kind === 'consent') return false
  const identity = identityOf(record)
  for (let epoch = 0; epoch < epochs; epoch++) {
    const fragment = facts.activate(epochId(first, epoch))
    if (isKnown(fragment, record, identity, at, facts)) return true
  }
  return false
}

function endEpoch(first: Fragment, sentAt: number, logged: Logged, recognition: Recognition): void {
  if (!isDevice(first, recognition)) return
  setDevice(first, logout(first.device, Math.min(sentAt, logged.timestamp)), logged, recognition)
}

function isDevice({ identifier }: Fragment, { rules }: Recognition): boolean {
  return rules.namespaces.get(namespaceOf(identifierIn(identifier)))?.class === 'device'
}

/**
 * A copy of an epoch says until when the device's name means it. So where that becomes another
 * time, a fragment that was handed up has changed: of one version there is one copy.
 */
function setDevice(
  first: Fragment,
  device: Device | null,
  { sequence, index }: Logged,
  recognition: Recognition,
): void {
  const before = first.device
  if (device === before) return
  first.device = device
  recognition.facts.changed(first)
  for (const epoch of meantOtherwise(before, device)) {
    const fragment = recognition.facts.activate(epochId(first, epoch))
    if (!fragment.ties?.told.size) continue
    setVersion(fragment, sequence, index)
    recognition.changed(fragment, false)
  }
}

function applyLink(
  first: Fragment,
  record: LinkRecord | UnlinkRecord,
  logged: Logged,
  recognition: Recognition,
): Applied {
  const { rules, facts } = recognition
  if (!isLower(record.key, record.to, rules)) return upsideDown
  const at = Math.min(record.at, logged.timestamp)
  if (record.kind === 'unlink') return unlinkEverywhere(first, record, at, logged, recognition)
  const { place, conflict } = isDevice(first, recognition)
    ? placeOf(first, record, at, logged, recognition)
    : { place: first, conflict: '' }
  if (isBuried(place, at)) return 'nothing'
  if (conflict !== '') {
    refuseLink(place, record, at, conflict, rules, facts.digest)
    return afterLink(place, record.to, 'kept', logged, recognition)
  }
  if (!place.links?.has(record.to) && (place.links?.size ?? 0) >= linksMax) return tooManyLinks
  const linked = tellLink(place, record, at, rules, facts.digest)
  return afterLink(place, record.to, linked, logged, recognition)
}

const upsideDown = {
  reason: 'INVALID: a link is kept at the lower of its two ends; its key is the greater one',
}
const tooManyLinks = { reason: `INVALID: an identifier has at most ${linksMax} links` }

/**
 * Where a device's link goes: to whoever had it then. Somebody above a device claims it.
 * A link that contradicts who had it then is one to be refused: `conflict` says why, else it is empty.
 */
function placeOf(
  first: Fragment,
  record: LinkRecord,
  at: number,
  logged: Logged,
  recognition: Recognition,
): { readonly place: Fragment; readonly conflict: string } {
  const { rules, facts } = recognition
  const then = facts.activate(epochId(first, epochAt(first.device, at)))
  if (!isLogin(record, rules)) return { place: then, conflict: '' }
  const { device, login: claim } = login(first.device, at, record.to)
  setDevice(first, device, logged, recognition)
  if (claim.kind === 'conflict') return { place: then, conflict: claim.reason }
  return { place: facts.activate(epochId(first, claim.epoch)), conflict: '' }
}

/** From every epoch that is linked to it: whoever takes it back means the device. */
function unlinkEverywhere(
  first: Fragment,
  record: UnlinkRecord,
  at: number,
  logged: Logged,
  recognition: Recognition,
): Applied {
  const { rules, facts } = recognition
  let applied: Applied = 'nothing'
  for (let epoch = 0; epoch < (first.device?.epochs.length ?? 1); epoch++) {
    const fragment = facts.activate(epochId(first, epoch))
    if (isBuried(fragment, at) || (epoch > 0 && !fragment.links?.has(record.to))) continue
    const linked = tellLink(fragment, record, at, rules, facts.digest)
    const after = afterLink(fragment, record.to, linked, logged, recognition)
    if (after === 'changed') applied = 'changed'
  }
  return applied
}

function afterLink(
  fragment: Fragment,
  to: FragmentId,
  linked: Linked,
  logged: Logged,
  recognition: Recognition,
): Applied {
  if (linked === 'nothing') return 'nothing'
  if (linked === 'changed') setVersion(fragment, logged.sequence, logged.index)
  if (linked === 'changed' || hasUntold(fragment, to, recognition))
    recognition.changed(fragment, true)
  else recognition.facts.changed(fragment)
  return 'changed'
}

function applyErase(
  first: Fragment,
  record: EraseRecord,
  logged: Logged,
  recognition: Recognition,
): Applied {
  const { device } = first
  if (device !== null && isShared(device) && record.epoch === undefined) return unnamedEpoch
  const { timestamp, sequence, index } = logged
  const { eraseId } = record
  const at = Math.min(record.at, timestamp)
  for (let epoch = 0; epoch < (device?.epochs.length ?? 1); epoch++) {
    if (record.epoch !== undefined && record.epoch !== epoch) continue
    const fragment = recognition.facts.activate(epochId(first, epoch))
    const order = { eraseId, at, back: null, check: false, timestamp }
    if (!erase(fragment, order, recognition)) continue
    setVersion(fragment, sequence, index)
    recognition.changed(fragment, true)
  }
  return 'changed'
}

const unnamedEpoch = {
  reason: 'INVALID: this device had several owners; name the epoch that is to be erased',
}

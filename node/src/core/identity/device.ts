import { bounds, type FragmentId } from '@halfsecond/protocol'
import { sessionGapMs } from '../features/sessions.ts'
import { nameHash } from './name-hash.ts'

/** A stretch of time in which a device had one owner, or nobody that we know. */
export interface DeviceEpoch {
  /** In milliseconds since 1970; the first begins at 0. */
  readonly from: number
  /** Exclusive; null while it goes on. */
  readonly to: number | null
  /** Hash of whoever claimed it; outlives unlink and erase. Null: nobody did. */
  readonly owner: string | null
  /** The owner's latest login; −1 before any. */
  readonly loginAt: number
  /** Its latest activity, logins included; −1 before any. */
  readonly lastAt: number
}

/**
 * The epochs of a device that somebody logged in on. Null, where a `Device` may be null, is one
 * that nobody did: a single epoch from 0 on, without an owner. Values are never changed.
 *
 * 1. Epochs follow each other without gaps, each has one owner at most, and never another one. One
 *    that another login at the same millisecond ended may be empty.
 * 2. What ended is never split: whatever comes late belongs to the epoch of its time.
 * 3. There are at most `bounds.epochsPerDevice`, and the last of these is nobody's for ever: so
 *    there is always a neutral place for what comes after a logout or a change of hands. Such a
 *    device is known by logging in only.
 */
export interface Device {
  /** In order of time; the index is the epoch's number. */
  readonly epochs: readonly DeviceEpoch[]
}

export type Login =
  /** The owner is to be linked to this epoch. */
  | { readonly kind: 'claimed'; readonly epoch: number }
  /** The owner is not to be linked to the device: for people to look at. */
  | { readonly kind: 'conflict'; readonly reason: string }

const unclaimed: DeviceEpoch = { from: 0, to: null, owner: null, loginAt: -1, lastAt: -1 }
const untouched: Device = { epochs: [unclaimed] }

/** The only epoch that nobody may claim: see invariant 3. */
const neutralEpoch = bounds.epochsPerDevice - 1

/** The epoch of this time. */
export function epochAt(device: Device | null, at: number): number {
  if (device === null) return 0
  const found = device.epochs.findLastIndex(({ from }) => from <= at)
  return Math.max(0, found)
}

/** Whether two or more people logged in on it. */
export function isShared(device: Device | null): boolean {
  return device !== null && ownersOf(device).size > 1
}

/** How an owner is remembered: not by name, as this outlives an erase. */
export function ownerHash(owner: FragmentId): string {
  return nameHash(owner)
}

/**
 * Somebody logs in on the device, or is told again to be its owner. A login that is older than
 * what it meets is late: it may claim what is nobody's, but moves no border.
 * Keep the device where it is a conflict, too: the epoch of whoever had it before may have ended.
 */
export function login(
  device: Device | null,
  at: number,
  owner: FragmentId,
): { readonly device: Device; readonly login: Login } {
  const before = device ?? untouched
  const hash = ownerHash(owner)
  const number = epochAt(before, at)
  const epoch = before.epochs[number] ?? unclaimed
  const isCurrent = number === before.epochs.length - 1
  if (epoch.owner === hash) return claimed(before, number, hash, at)
  if (epoch.owner !== null) {
    if (!isCurrent || at < epoch.loginAt)
      return conflict(before, 'the device was with somebody else at the time of this late login')
    return handOver(before, hash, at)
  }
  if (number === neutralEpoch) return conflict(before, changedHandsTooOften)
  const isFree = !isCurrent || isEmpty(epoch, at) || isWithout(before, hash)
  return isFree ? claimed(before, number, hash, at) : handOver(before, hash, at)
}

/**
 * Somebody logs out: what the device does from here on is nobody's, until somebody logs in.
 * One that is late, and one where nobody is logged in, changes nothing. The record itself still
 * belongs to the epoch that was there before.
 */
export function logout(device: Device | null, at: number): Device | null {
  const current = device?.epochs.at(-1)
  if (!device || !current || current.owner === null) return device
  return at < current.from || at < current.loginAt ? device : opened(device, at)
}

/**
 * The device does something without saying who it is; the answer is the epoch that this belongs to.
 * On a shared device it is the current owner's only while their session is open: afterwards nobody
 * knows who sits there. To be told of every record that goes to one of the device's fragments. A
 * decide asks as well, for where it is to look, and drops the device.
 */
export function touch(
  device: Device | null,
  at: number,
): { readonly device: Device | null; readonly epoch: number } {
  if (device === null) return { device, epoch: 0 }
  const epoch = epochAt(device, at)
  const current = device.epochs[epoch]
  if (current === undefined) return { device, epoch }
  const isOpen = epoch === device.epochs.length - 1 && current.owner !== null
  const closesAt = current.lastAt + sessionGapMs
  if (!isOpen || at <= closesAt || !isShared(device))
    return { device: withActivity(device, epoch, at), epoch }
  // The new epoch begins where the session ended, so that what comes late from after it is nobody's.
  const next = opened(device, Math.min(at, closesAt + 1))
  return { device: withActivity(next, epoch + 1, at), epoch: epoch + 1 }
}

/** The last time at which the device's name means this epoch; null: no end is known. */
export function meantUntil(device: Device | null, number: number): number | null {
  const epoch = device?.epochs[number]
  if (!device || !epoch) return null
  if (epoch.to !== null) return epoch.to - 1
  return epoch.owner === null || !isShared(device) ? null : epoch.lastAt + sessionGapMs
}

/** The epochs of which it is not known any more, or is known now, until when the name means them. */
export function meantOtherwise(before: Device | null, after: Device | null): readonly number[] {
  const isAnyShared = isShared(before) || isShared(after)
  if (before?.epochs.length === after?.epochs.length && !isAnyShared) return noEpochs
  return (after?.epochs ?? []).flatMap((_, number) =>
    meantUntil(before, number) === meantUntil(after, number) ? [] : [number],
  )
}

const noEpochs: readonly number[] = []

const changedHandsTooOften = `the device changed hands or was logged out of ${neutralEpoch} times: it is known by logging in only`

/** Ends the current epoch for a new owner's. Where no further one may be owned, for nobody's. */
function handOver(device: Device, hash: string, at: number): ReturnType<typeof login> {
  const number = device.epochs.length
  if (number < neutralEpoch) return claimed(opened(device, at), number, hash, at)
  const isOwned = device.epochs.at(-1)?.owner !== null
  return conflict(isOwned ? opened(device, at) : device, changedHandsTooOften)
}

function claimed(
  device: Device,
  number: number,
  owner: string,
  at: number,
): ReturnType<typeof login> {
  const next = withEpoch(device, number, (epoch) => ({
    ...epoch,
    owner,
    loginAt: Math.max(epoch.loginAt, at),
    lastAt: Math.max(epoch.lastAt, at),
  }))
  return { device: next, login: { kind: 'claimed', epoch: number } }
}

function conflict(device: Device, reason: string): ReturnType<typeof login> {
  return { device, login: { kind: 'conflict', reason } }
}

/** Ends the current epoch, and begins one that is nobody's. */
function opened({ epochs }: Device, at: number): Device {
  const ended = epochs.map((epoch) => (epoch.to === null ? { ...epoch, to: at } : epoch))
  return { epochs: [...ended, { ...unclaimed, from: at }] }
}

function withActivity(device: Device, number: number, at: number): Device {
  const { lastAt } = device.epochs[number] ?? unclaimed
  return at <= lastAt ? device : withEpoch(device, number, (epoch) => ({ ...epoch, lastAt: at }))
}

function withEpoch(
  { epochs }: Device,
  number: number,
  change: (epoch: DeviceEpoch) => DeviceEpoch,
): Device {
  return { epochs: epochs.map((epoch, i) => (i === number ? change(epoch) : epoch)) }
}

/** Nothing lies in the epoch, and it begins with this login: there is nothing to split. */
function isEmpty(epoch: DeviceEpoch, at: number): boolean {
  return epoch.from === at && epoch.lastAt < 0
}

/** Whether nobody but this owner ever had the device. */
function isWithout(device: Device, owner: string): boolean {
  return device.epochs.every((epoch) => epoch.owner === null || epoch.owner === owner)
}

function ownersOf({ epochs }: Device): Set<string> {
  const owners = new Set<string>()
  for (const { owner } of epochs) if (owner !== null) owners.add(owner)
  return owners
}

/** For rows: what `restoreDevice` takes back. */
export function storedDevice(device: Device | null): unknown[] | null {
  if (device === null) return null
  return device.epochs.map(({ from, owner, loginAt, lastAt }) => [from, owner, loginAt, lastAt])
}

/** Undefined where the stored form is not one that `storedDevice` made. */
export function restoreDevice(stored: unknown): Device | null | undefined {
  if (stored === null) return null
  if (!Array.isArray(stored) || stored.length === 0) return undefined
  const epochs: DeviceEpoch[] = []
  let to: number | null = null
  for (const row of stored.toReversed()) {
    if (!Array.isArray(row)) return undefined
    const [from, owner, loginAt, lastAt]: unknown[] = row
    if (typeof from !== 'number' || typeof loginAt !== 'number' || typeof lastAt !== 'number')
      return undefined
    if (owner !== null && typeof owner !== 'string') return undefined
    epochs.unshift({ from, to, owner, loginAt, lastAt })
    to = from
  }
  return { epochs }
}

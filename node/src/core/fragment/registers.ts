import { type ChannelRecord, encode, type Strength, type Value } from '@halfsecond/protocol'
import type { Digest } from '../digest.ts'
import { compareIds } from './entry.ts'

/** When something was said, and by which record. */
export interface Word {
  readonly at: number
  readonly id: string
}

/** A value that the last write by (at', id) won; a removal is a write too. */
export interface Register<T> extends Word {
  readonly value: T | undefined
  readonly channel?: string
  readonly source?: string
  /** Of the trait `zone` alone: what it was until it changed. */
  readonly former?: Former<T>
}

export interface Former<T> {
  /** Undefined where there was none. */
  readonly value: T | undefined
  readonly until: number
}

export type Registers<T> = Map<string, Register<T>>

/** Which registers of a fragment; also the first element of the fact that is hashed. */
export type RegisterKind = 'traits' | 'links' | 'consents'

export type TraitValue = Exclude<Value, null>

/** Whether this write wins over the register's present one. */
export function wins(present: Word | undefined, at: number, id: string): boolean {
  return (
    present === undefined ||
    at > present.at ||
    (at === present.at && compareIds(id, present.id) > 0)
  )
}

export function registerOf<T>(
  value: T | undefined,
  at: number,
  record: ChannelRecord,
): Register<T> {
  return {
    value,
    at,
    id: record.id,
    ...(record.channel !== undefined && { channel: record.channel }),
    ...(record.source !== undefined && { source: record.source }),
  }
}

/** Periods of a visitor's calendar go by this trait: a change must not begin one early. */
const traitWithFormer = 'zone'

/** The next value of a trait, with what it was before where that matters. */
export function traitAfter(
  present: Register<TraitValue> | undefined,
  name: string,
  next: Register<TraitValue>,
): Register<TraitValue> {
  if (name !== traitWithFormer) return next
  const former =
    present?.value === next.value && present !== undefined
      ? present.former
      : { value: present?.value, until: next.at }
  return former === undefined ? next : { ...next, former }
}

/** Writes a register if the write wins, and keeps the digest. Returns whether it did. */
export function write<T>(
  kind: RegisterKind,
  key: string,
  registers: Registers<T>,
  name: string,
  next: Register<T>,
  digest: Digest,
): boolean {
  const present = registers.get(name)
  if (!wins(present, next.at, next.id)) return false
  if (present) removeFact(kind, key, name, present, digest)
  const fact = factOf(kind, key, name, next)
  digest.add(fact, 0, fact.length)
  registers.set(name, next)
  return true
}

/** Takes all registers of a kind out of the digest. */
export function forget<T>(
  kind: RegisterKind,
  key: string,
  registers: Registers<T> | null,
  digest: Digest,
): void {
  for (const [name, register] of registers ?? []) removeFact(kind, key, name, register, digest)
}

/** Takes one register out, and out of the digest. */
export function forgetOne<T>(
  kind: RegisterKind,
  key: string,
  registers: Registers<T>,
  name: string,
  digest: Digest,
): void {
  const register = registers.get(name)
  if (register === undefined) return
  removeFact(kind, key, name, register, digest)
  registers.delete(name)
}

function removeFact<T>(
  kind: RegisterKind,
  key: string,
  name: string,
  register: Register<T>,
  digest: Digest,
): void {
  const fact = factOf(kind, key, name, register)
  digest.remove(fact, 0, fact.length)
}

function factOf<T>(
  kind: RegisterKind,
  key: string,
  name: string,
  register: Register<T>,
): Uint8Array {
  const { value, at, id, channel, source, former } = register
  const fact = [kind, key, name, value ?? null, at, id, channel ?? null, source ?? null]
  return encode(former === undefined ? fact : [...fact, former.value ?? null, former.until])
}

/** For rows: what `restoreRegisters` takes back. */
export function storedRegisters<T>(registers: Registers<T> | null): unknown[] | null {
  if (registers === null || registers.size === 0) return null
  return [...registers].map(([name, { value, at, id, channel, source, former }]) => [
    name,
    value ?? null,
    at,
    id,
    channel ?? null,
    source ?? null,
    ...(former === undefined ? [] : [former.value ?? null, former.until]),
  ])
}

/** Undefined where the stored form is not one that `storedRegisters` made. */
export function restoreRegisters<T>(
  stored: unknown,
  isValue: (value: unknown) => value is T,
): Registers<T> | null | undefined {
  if (stored === null) return null
  if (!Array.isArray(stored)) return undefined
  const registers: Registers<T> = new Map()
  for (const row of stored) {
    if (!Array.isArray(row)) return undefined
    const [name, value, at, id, channel, source, before, until]: unknown[] = row
    if (typeof name !== 'string' || typeof at !== 'number' || typeof id !== 'string')
      return undefined
    if (value !== null && !isValue(value)) return undefined
    if (before !== null && before !== undefined && !isValue(before)) return undefined
    registers.set(name, {
      value: value === null ? undefined : value,
      at,
      id,
      ...(typeof channel === 'string' && { channel }),
      ...(typeof source === 'string' && { source }),
      ...(typeof until === 'number' && { former: { value: before ?? undefined, until } }),
    })
  }
  return registers
}

export function isTraitValue(value: unknown): value is TraitValue {
  return value !== null && value !== undefined
}

export function isStrength(value: unknown): value is Strength {
  return typeof value === 'string'
}

export function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

import type { Register, Registers, TraitValue } from '../fragment/registers.ts'
import { wins } from '../fragment/registers.ts'

/** The last write by (at, id) of each trait, removals included. */
export function mergeTraits(
  all: readonly (Registers<TraitValue> | null)[],
): Registers<TraitValue> | null {
  return merge(all, overtakes)
}

/** The most restrictive of each purpose: a refusal on any side holds, whenever it was given. */
export function mergeConsents(
  all: readonly (Registers<boolean> | null)[],
): Registers<boolean> | null {
  return merge(all, (one, than) =>
    one.value === than.value ? overtakes(one, than) : one.value === false,
  )
}

/** Shares the map where only one side has any. */
function merge<T>(
  all: readonly (Registers<T> | null)[],
  isPreferred: (one: Register<T>, than: Register<T>) => boolean,
): Registers<T> | null {
  let merged: Registers<T> | null = null
  let isOwn = false
  for (const registers of all) {
    if (registers === null || registers.size === 0) continue
    if (merged === null) {
      merged = registers
      continue
    }
    if (!isOwn) merged = new Map(merged)
    isOwn = true
    for (const [name, one] of registers) {
      const present = merged.get(name)
      if (present === undefined || isPreferred(one, present)) merged.set(name, one)
    }
  }
  return merged
}

/** A total order: two fragments may hold writes of one id, and the order of parts must not matter. */
function overtakes<T>(one: Register<T>, than: Register<T>): boolean {
  if (one.at === than.at && one.id === than.id) return textOf(one) > textOf(than)
  return wins(than, one.at, one.id)
}

function textOf<T>({ value }: Register<T>): string {
  return JSON.stringify(value) ?? ''
}

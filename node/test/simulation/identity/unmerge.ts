import { type ChannelRecord, type FragmentId, fragmentName } from '@halfsecond/protocol'
import { hash64Hex } from '../../../src/core/digest.ts'
import { storedRegisters } from '../../../src/core/fragment/registers.ts'
import type { History, Step } from './history.ts'
import { fragmentsOf, hasContent, linksOf } from './homes.ts'
import { IdentityWorld, type Plant } from './identity-world.ts'
import type { Violation } from './laws.ts'
import { isDevice } from './people.ts'
import { ReachedStates } from './reached.ts'

/**
 * After a link was taken back everything is as in a world in which it never was. Told only of
 * histories in which nothing else remembers it: an erase that it spread, a refusal that it caused,
 * and the owner that it gave to a device outlive it.
 * @param world what became of the history
 */
export function unlikeNeverMerged(
  history: History,
  world: IdentityWorld,
  plant: Plant,
  reached: ReachedStates,
): Violation | undefined {
  const pair = takenBack(history, world)
  if (pair === undefined || remembers(world)) return undefined
  const other = new IdentityWorld(without(history, pair), plant, new ReachedStates())
  for (const step of withoutLinks(history.steps, pair)) other.apply(step)
  other.settle()
  const what = remembers(other) ? undefined : difference(factsOf(world), factsOf(other))
  other.end()
  reached.count('unmerged')
  return what === undefined ? undefined : { law: 'unmerge is exact', what }
}

interface Pair {
  readonly key: string
  readonly to: string
}

/** A link of contacts or accounts that the last word took back. */
function takenBack({ steps }: History, world: IdentityWorld): Pair | undefined {
  const present = new Set(linksOf(world).map(({ lower, upper }) => `${lower} ${upper}`))
  for (const step of steps) {
    for (const record of step.kind === 'tell' ? step.records : []) {
      if (record.kind !== 'link' || isDevice(record.key)) continue
      const { key, to } = record
      if (!present.has(`${key} ${to}`)) return { key, to }
    }
  }
  return undefined
}

function remembers(world: IdentityWorld): boolean {
  return world.hasRefused || world.erasedBy.size > 0
}

function without(history: History, pair: Pair): History {
  return { ...history, steps: withoutLinks(history.steps, pair) }
}

/** Whatever else is told is told at the same time. */
function withoutLinks(steps: readonly Step[], { key, to }: Pair): readonly Step[] {
  return steps.map((step) =>
    step.kind === 'tell'
      ? { ...step, records: step.records.filter((record) => !isAbout(record, key, to)) }
      : step,
  )
}

/** Whether a record says that the two are linked, or are not. */
export function isAbout(record: ChannelRecord, key: string, to: string): boolean {
  const isWord = record.kind === 'link' || record.kind === 'unlink'
  return isWord && record.key === key && record.to === to
}

/** By fragment: its timeline's bytes, its registers, its links, and who is in its profile. */
function factsOf(world: IdentityWorld): Map<FragmentId, string> {
  const facts = new Map<FragmentId, string>()
  for (const fragment of fragmentsOf(world)) {
    const { identifier, open, traits, consents, ties } = fragment
    const { arena } = world.replicaOf(identifier)
    const links = [...(ties?.links ?? [])]
      .filter(([, { state }]) => state === 'valid')
      .map(([to, { since, strength }]) => [to, since, strength])
      .sort()
    const members = [...(ties?.members ?? [])].sort()
    if (!hasContent(fragment) && members.length === 0) continue
    const own = [hash64Hex(open.bytes(arena)), storedRegisters(traits), storedRegisters(consents)]
    facts.set(identifier, JSON.stringify([own, links, members]))
  }
  return facts
}

function difference(
  one: ReadonlyMap<FragmentId, string>,
  other: ReadonlyMap<FragmentId, string>,
): string | undefined {
  const empty = JSON.stringify([[hash64Hex(new Uint8Array(0)), null, null], [], []])
  for (const id of new Set([...one.keys(), ...other.keys()])) {
    const [now, never] = [one.get(id) ?? empty, other.get(id) ?? empty]
    if (now !== never) return `${fragmentName(id)} is ${now} and not ${never}`
  }
  return undefined
}

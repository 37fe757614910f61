import { fragmentName } from '@halfsecond/protocol'
import type { Fragment } from '../../src/core/fragment/fragment.ts'
import { storedTies } from '../../src/core/identity/stored-ties.ts'
import { isSame } from '../../src/core/identity/ties.ts'
import type { BareShard } from '../support/bare-shard.ts'
import { Groups } from './identity/homes.ts'
import type { Simulation } from './simulation.ts'

/** Whether a log lost what others had acknowledged to it: then links are for a human to mend. */
export function isHistoryWhole({ truths }: Simulation): boolean {
  return truths.every(({ branches }) => branches.length === 1)
}

/** Whether everybody has heard all that others had to tell. */
export function isTold({ nodes, truths }: Simulation): boolean {
  return (
    truths.every(({ bare }) => bare.state.outbox.size === 0) &&
    nodes.every(({ engine }) => engine?.shards.every(({ state }) => state.outbox.size === 0))
  )
}

/** Every profile is exactly what valid links connect, under the greatest, on every replica. */
export function checkRecognition({ nodes, truths, invariants }: Simulation): void {
  const broken = (what: string) => invariants.broken('I9 recognition', what)
  const fragments = truths.flatMap(({ bare }) => [...bare.fragments.values()])
  const groups = new Groups()
  for (const { identifier, ties } of fragments)
    for (const [to, { state }] of ties?.links ?? [])
      if (state === 'valid') groups.join(identifier, to)
  const roots = new Map(groups.all().map((group) => [group.at(-1), group]))
  const byName = new Map(fragments.map((one) => [one.identifier, one]))
  for (const { identifier, ties } of fragments) {
    const group = roots.get(identifier) ?? [identifier]
    const profile = new Set([identifier, ...(ties?.members ?? [])])
    const isExact = profile.size === group.length && group.every((id) => profile.has(id))
    if (!isExact)
      broken(`${fragmentName(identifier)} is ${[...profile].join(' + ')}, not ${group.join(' + ')}`)
    for (const { copies } of ties?.below.values() ?? [])
      for (const { id, version } of copies.values()) {
        const home = byName.get(id)
        if (home === undefined || !isSame(home, version))
          broken(`${fragmentName(identifier)} has an old ${fragmentName(id)}`)
      }
  }
  for (const { id, engine } of nodes)
    for (const shard of engine?.shards ?? []) {
      const bare = truths[shard.number]?.bare
      if (bare) compare(bare, (one) => shard.read(one), `${id} about shard ${shard.number}`, broken)
    }
}

/** A replica has the very ties that a fold of its log has. */
function compare(
  bare: BareShard,
  read: (id: Fragment['identifier']) => Fragment | undefined,
  where: string,
  broken: (what: string) => void,
): void {
  for (const { identifier, ties } of bare.fragments.values()) {
    const held = storedTies(read(identifier)?.ties ?? null) ?? nothing
    const folded = storedTies(ties) ?? nothing
    if (Buffer.compare(held, folded) !== 0)
      broken(`${where}: ${fragmentName(identifier)} has other ties than its log tells`)
  }
}

const nothing = new Uint8Array(0)

import {
  compareFragmentIds,
  type FragmentId,
  fragmentIdOf,
  type Identifier,
  type LinkRecord,
  type Namespaces,
  namespaceOf,
  type UnlinkRecord,
} from '@halfsecond/protocol'
import type { FeatureSet } from '../features/feature-set.ts'
import { effectiveTime, type FragmentRecord, type Ground } from '../fragment/evolve.ts'
import { type Fragment, initialFragment } from '../fragment/fragment.ts'
import { copiesBelow } from '../identity/copies-below.ts'
import { type Device, epochAt, login, logout, touch } from '../identity/device.ts'
import { isLogin } from '../identity/links.ts'
import type { IdentityRules } from '../identity/rules.ts'
import type { Copy, Ties } from '../identity/ties.ts'
import { ownPart, type Part, pendingPart, validLinks } from './part.ts'

/** A fragment at its home, with what was handed up to it. */
export interface Branch {
  readonly own: Part
  /** Whether it holds more than its version says: records that no fold has seen. */
  readonly isAhead: boolean
  /** Of every fragment below the newest. */
  readonly copies: readonly Copy[]
  /** The greatest that it is linked to, directly or by way of one below; null: it is a root. */
  readonly parent: FragmentId | null
  /** Whom those below are linked to as well. */
  readonly up: readonly FragmentId[]
  /** As a root: who else is in the profile, as its fold judged; null: that is not known here. */
  readonly judged: ReadonlySet<FragmentId> | null
}

/** Where fragments are read. */
export interface BranchGround {
  readonly read: (id: FragmentId) => Fragment | undefined
  readonly facts: Pick<Ground, 'arena' | 'chunks'>
  readonly rules: IdentityRules
  readonly set: FeatureSet
  /** No pending record counts as later than this. */
  readonly latest: number
}

type Pending = FragmentRecord | LinkRecord | UnlinkRecord

/**
 * The branch of an identifier as it will be once these records are folded; of a device, of the
 * epoch that `at` lies in.
 */
export function branchAt(
  identifier: Identifier,
  at: number,
  pending: readonly Pending[],
  ground: BranchGround,
): Branch {
  const first = ground.read(identifier)
  const isPlain = first === undefined || first.device === null
  if (isPlain && pending.length === 0) return branchOf(first ?? initialFragment(identifier), ground)
  const place = placeAt(identifier, first, at, pending, ground)
  const fragment = ground.read(place.id) ?? initialFragment(place.id)
  if (place.records.length === 0) return branchOf(fragment, ground)
  return branchAhead(fragment, place, ground)
}

/** The branch of exactly this fragment. */
export function branchOf(fragment: Fragment, { set, facts, rules }: BranchGround): Branch {
  const { ties } = fragment
  const own = ownPart(fragment, set, facts)
  if (ties === null)
    return { own, isAhead: false, copies: noCopies, parent: null, up: nobody, judged: noMembers }
  const up = upOf(own.id, ties)
  const parent = parentOf(own, up, rules.namespaces)
  return {
    own,
    isAhead: false,
    copies: [...copiesBelow(ties).values()],
    parent,
    up,
    judged: ties.members,
  }
}

const noCopies: readonly Copy[] = []
const nobody: readonly FragmentId[] = []
const noMembers: ReadonlySet<FragmentId> = new Set()

function branchAhead(fragment: Fragment, place: Place, ground: BranchGround): Branch {
  const { ties } = fragment
  const { set, latest, rules, facts } = ground
  const own = pendingPart(fragment, set, place.records, latest, rules, facts)
  const up = ties === null ? nobody : upOf(own.id, ties)
  return {
    own,
    isAhead: true,
    copies: ties === null || ties.below.size === 0 ? noCopies : [...copiesBelow(ties).values()],
    parent: parentOf(own, up, rules.namespaces),
    up,
    judged: ties?.members ?? noMembers,
  }
}

/** The greatest that a fragment is linked to, directly or by way of one below; null: it is a root. */
export function parentOfFragment(fragment: Fragment, namespaces: Namespaces): FragmentId | null {
  const { ties, identifier } = fragment
  if (ties === null) return null
  return parentOf({ links: validLinks(fragment) }, upOf(identifier, ties), namespaces)
}

/** Where records of an identifier go: to one of its fragments, in order. */
interface Place {
  readonly id: FragmentId
  readonly records: readonly Pending[]
}

/** The fragment that holds `at` once these records are folded, and those of them that go there. */
function placeAt(
  identifier: Identifier,
  first: Fragment | undefined,
  at: number,
  pending: readonly Pending[],
  { rules, latest }: BranchGround,
): Place {
  const isDevice = rules.namespaces.get(namespaceOf(identifier))?.class === 'device'
  let device = first?.device ?? null
  const placed: { readonly record: Pending; readonly epoch: number | null }[] = []
  for (const record of pending) {
    if (!isDevice) {
      placed.push({ record, epoch: 0 })
      continue
    }
    const moved = take(device, record, effectiveTime(record, latest), rules)
    device = moved.device
    if (moved.isRefused !== true) placed.push({ record, epoch: moved.epoch })
  }
  const epoch = isDevice ? touch(device, at).epoch : 0
  const here = placed.filter((one) => one.epoch === null || one.epoch === epoch)
  return { id: fragmentIdOf(identifier, epoch), records: here.map(({ record }) => record) }
}

/** What a record does to the epochs of a device, and which of them it goes to; null: to each. */
function take(
  device: Device | null,
  record: Pending,
  at: number,
  rules: IdentityRules,
): { readonly device: Device | null; readonly epoch: number | null; readonly isRefused?: true } {
  switch (record.kind) {
    case 'unlink':
      return { device, epoch: null }
    case 'link': {
      if (!isLogin(record, rules)) return { device, epoch: epochAt(device, at) }
      const claim = login(device, at, record.to)
      return claim.login.kind === 'claimed'
        ? { device: claim.device, epoch: claim.login.epoch }
        : { device: claim.device, epoch: 0, isRefused: true }
    }
    case 'logout':
      return { device: logout(device, at), epoch: epochAt(device, at) }
    case 'event':
      return touch(device, at)
    default:
      return { device, epoch: epochAt(device, at) }
  }
}

function upOf(id: FragmentId, { below }: Ties): readonly FragmentId[] {
  const up = new Set<FragmentId>()
  for (const { since, also } of below.values())
    if (since !== null && also !== null && also !== id) up.add(also)
  return up.size === 0 ? nobody : [...up]
}

function parentOf(
  { links }: Pick<Part, 'links'>,
  up: readonly FragmentId[],
  namespaces: Namespaces,
): FragmentId | null {
  let best: FragmentId | null = null
  const look = (one: FragmentId) => {
    if (best === null || compareFragmentIds(one, best, namespaces) > 0) best = one
  }
  for (const { to } of links) look(to)
  for (const one of up) look(one)
  return best
}

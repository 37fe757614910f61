import { fnv1a32 } from '@halfsecond/protocol'
import { mixed32 } from '../digest.ts'
import { type Goods, Load } from './load.ts'

/** A node that shards can be given to. */
export interface Member {
  readonly id: string
  readonly host: string
  readonly zone: string
  readonly weight: number
  /** Whether it may be a primary; one that drains, or is silent, only keeps what it holds, as a standby. */
  readonly canLead: boolean
}

/** Who shall hold a shard. */
export interface Placement {
  readonly primary: string
  readonly standbys: readonly string[]
}

/** One shard while it is being placed. */
interface Place {
  /** Members by how much the shard prefers them. */
  readonly rank: readonly Member[]
  /** The one that shall lead whatever that costs. */
  readonly pinned: Member | undefined
  primary: Member | undefined
  holders: readonly Member[]
}

/**
 * Which node shall hold which shard: what is in place stays, as long as its node may have it and
 * has room; everything else goes to the node that the shard prefers by rendezvous hashing
 * (Thaler and Ravishankar 1998) and that has room. Replicas of a shard are on different nodes, on
 * different hosts where there are several, and in different zones where there are several. Which
 * of them leads is settled last: that moves no data.
 *
 * L1 the same arguments give the same result, and its result as `current` gives itself.
 * L2 no node has more primaries, nor more replicas, than 1.1 × its share, rounded down but not
 *    below the share itself, unless the replicas of a shard could not be kept apart otherwise, or
 *    only a node without a replica could lead.
 * L3 a pinned node leads its shard, if it is a member that may lead.
 *
 * @param current who holds a shard now, and who is being filled; those first that shall rather stay
 * @param pinned by shard, the node that shall lead it
 */
export function allocate(
  members: readonly Member[],
  shards: number,
  standbys: number,
  current: readonly (Placement | undefined)[],
  pinned: ReadonlyMap<number, string> = new Map(),
): readonly Placement[] {
  const byId = new Map(members.map((member) => [member.id, member]))
  const places = Array.from({ length: shards }, (_, shard): Place => {
    const now = current[shard]
    const ids = new Set([now?.primary ?? '', ...(now?.standbys ?? [])])
    const holders = [...ids].flatMap((id) => byId.get(id) ?? [])
    const primary = holders.find(({ id }) => id === now?.primary)
    const pin = byId.get(pinned.get(shard) ?? '')
    const rank = ranked(members, shard)
    return { rank, pinned: pin?.canLead ? pin : undefined, primary, holders }
  })
  placeCopies(members, places, Math.min(standbys + 1, members.length))
  placeLeads(members, places)
  return places.map(({ primary, holders }) => ({
    primary: primary?.id ?? '',
    standbys: holders.filter((one) => one !== primary).map(({ id }) => id),
  }))
}

function placeCopies(members: readonly Member[], places: readonly Place[], wanted: number): void {
  const load = new Load(members, places.length * wanted)
  for (const { holders } of places) for (const holder of holders) load.add(holder)
  for (const place of places) admitLeader(place, load)
  for (const place of places) shed(place, wanted, load)
  for (const place of places) fill(place, wanted, load)
  const copies = copiesOf(places)
  let isMoving = true
  while (isMoving) {
    isMoving = places.filter((place) => spread(place, load)).length > 0
    for (const member of members) while (load.relieve(member, copies)) isMoving = true
  }
}

/** Takes in who is pinned; else one that may lead, where none of the holders may. */
function admitLeader(place: Place, load: Load<Member>): void {
  const { pinned, holders, rank } = place
  if (pinned ? holders.includes(pinned) : holders.some(({ canLead }) => canLead)) return
  const leaders = rank.filter(({ canLead }) => canLead)
  const leader = pinned ?? load.roomiest(mostApart(leaders, holders))
  if (leader === undefined) return
  place.holders = [...holders, leader]
  load.add(leader)
}

/** Where there are too many, those go that are the least apart, then those that have too much. */
function shed(place: Place, wanted: number, load: Load<Member>): void {
  while (place.holders.length > wanted) {
    const { holders, primary } = place
    let leaving: Member | undefined
    let most = Number.NEGATIVE_INFINITY
    for (const one of holders) {
      if (!isSpared(place, one)) continue
      const urgency =
        4 * clashes(one, holders) + (load.isOver(one) ? 2 : 0) + (one === primary ? 0 : 1)
      if (urgency >= most) [leaving, most] = [one, urgency]
    }
    if (leaving === undefined) return
    place.holders = holders.filter((one) => one !== leaving)
    load.remove(leaving)
  }
}

function fill(place: Place, wanted: number, load: Load<Member>): void {
  while (place.holders.length < wanted) {
    const others = place.rank.filter((one) => !place.holders.includes(one))
    const takers = others.filter(({ canLead }) => canLead)
    const best = load.roomiest(mostApart(takers.length > 0 ? takers : others, place.holders))
    if (best === undefined) return
    place.holders = [...place.holders, best]
    load.add(best)
  }
}

/** Replaces one holder by a member that is further apart from the others. False where there is none. */
function spread(place: Place, load: Load<Member>): boolean {
  for (const leaving of [...place.holders].reverse()) {
    const rest = place.holders.filter((one) => one !== leaving)
    const now = clashes(leaving, rest)
    if (now === 0) continue
    const best = load.roomiest(mostApart(successors(place, leaving), rest))
    if (best === undefined || clashes(best, rest) >= now) continue
    replace(place, leaving, best)
    load.remove(leaving)
    load.add(best)
    return true
  }
  return false
}

/** Replicas, as what nodes with too many give away: first those that prefer the node least. */
function copiesOf(places: readonly Place[]): Goods<Member, Place> {
  return {
    arePassedOn: false,
    of: (member) => {
      const order = (place: Place) =>
        place.rank.indexOf(member) - (place.primary === member ? place.rank.length : 0)
      return places
        .filter(({ holders }) => holders.includes(member))
        .map((place) => ({ place, order: order(place) }))
        .sort((a, b) => b.order - a.order)
        .map(({ place }) => place)
    },
    takers: (place, from) => {
      const rest = place.holders.filter((one) => one !== from)
      const bound = clashes(from, rest)
      return successors(place, from).filter((one) => clashes(one, rest) <= bound)
    },
    give: replace,
  }
}

/** Says who leads each shard: one of its holders. */
function placeLeads(members: readonly Member[], places: readonly Place[]): void {
  const leaders = members.filter(({ canLead }) => canLead)
  const load = new Load(leaders, places.length)
  for (const place of places) {
    const { pinned, primary, holders } = place
    const stays = primary?.canLead && holders.includes(primary) ? primary : undefined
    place.primary = pinned ?? stays
    if (place.primary) load.add(place.primary)
  }
  for (const place of places) {
    if (place.primary) continue
    place.primary = load.roomiest(place.holders.filter(({ canLead }) => canLead))
    if (place.primary) load.add(place.primary)
    else place.primary = place.holders[0]
  }
  const leads = leadsOf(places)
  for (let isMoving = true; isMoving; )
    isMoving = leaders.filter((member) => load.relieve(member, leads)).length > 0
}

function leadsOf(places: readonly Place[]): Goods<Member, Place> {
  return {
    arePassedOn: true,
    of: (member) =>
      places
        .filter(({ primary, pinned }) => primary === member && pinned === undefined)
        .map((place) => ({ place, order: place.rank.indexOf(member) }))
        .sort((a, b) => b.order - a.order)
        .map(({ place }) => place),
    takers: ({ holders }, from) => holders.filter((one) => one !== from && one.canLead),
    give: (place, _from, to) => {
      place.primary = to
    },
  }
}

function replace(place: Place, from: Member, to: Member): void {
  place.holders = place.holders.map((one) => (one === from ? to : one))
}

/** Who may hold a shard in this holder's stead. */
function successors({ rank, pinned, holders }: Place, leaving: Member): readonly Member[] {
  if (leaving === pinned) return []
  return rank.filter((one) => one.canLead && !holders.includes(one))
}

/** Whether one can go without anybody in its stead. */
function isSpared({ holders, pinned }: Place, member: Member): boolean {
  if (member === pinned) return false
  return !member.canLead || holders.some((one) => one !== member && one.canLead)
}

/** Those of the candidates that have the fewest neighbours in common with those taken. */
function mostApart(candidates: readonly Member[], taken: readonly Member[]): readonly Member[] {
  let least = Number.POSITIVE_INFINITY
  for (const one of candidates) least = Math.min(least, clashes(one, taken))
  return candidates.filter((one) => clashes(one, taken) === least)
}

/** How close a member is to others: a host in common is worse than any number of zones in common. */
function clashes(member: Member, others: readonly Member[]): number {
  let close = 0
  for (const other of others) {
    if (other === member) continue
    if (other.host === member.host) close += 1_000
    else if (other.zone === member.zone) close++
  }
  return close
}

/** Members by how much a shard prefers them. */
function ranked(members: readonly Member[], shard: number): readonly Member[] {
  return members
    .map((member) => ({ member, score: mixed32(fnv1a32(`${member.id} ${shard}`)) >>> 0 }))
    .sort((a, b) => b.score - a.score || (a.member.id < b.member.id ? -1 : 1))
    .map(({ member }) => member)
}

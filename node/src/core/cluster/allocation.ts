import { fnv1a32 } from '@halfsecond/protocol'

/** A node that shards can be given to. */
export interface Member {
  readonly id: string
  readonly host: string
  readonly zone: string
  readonly weight: number
  /** Whether it may be a primary; one that drains, or is silent, keeps only what it stands by for. */
  readonly canLead: boolean
}

/** Who shall hold a shard. */
export interface Placement {
  readonly primary: string
  readonly standbys: readonly string[]
}

/** The fullest node has at most this multiple of its share. */
const fullest = 1.1

/**
 * Which node shall hold which shard: what is in place stays, as long as its node may have it and
 * has room; everything else goes to the node that the shard prefers by rendezvous hashing
 * (Thaler and Ravishankar 1998) and that has room. Replicas of a shard are on different nodes, on
 * different hosts where there are several, and in different zones where there are several.
 *
 * L1 the same arguments give the same result, and its result as `current` gives itself.
 * L2 no node has more primaries, nor more replicas, than 1.1 × its share, rounded down but not
 *    below the share itself, unless the replicas of a shard could not be kept apart otherwise.
 */
export function allocate(
  members: readonly Member[],
  shards: number,
  standbys: number,
  current: readonly (Placement | undefined)[],
): readonly Placement[] {
  const load = new Load(members, shards, standbys)
  const ranks = Array.from({ length: shards }, (_, shard) => ranked(members, shard))
  const primaries = placePrimaries(load, ranks, current)
  return placeStandbys(load, ranks, primaries, current)
}

/** How many primaries and replicas each node has so far, and may have. */
class Load {
  readonly byId: ReadonlyMap<string, Member>
  readonly replicas: number
  private readonly counts = new Map<string, { primaries: number; replicas: number }>()
  private readonly shards: number
  private readonly leadWeight: number
  private readonly weight: number

  constructor(members: readonly Member[], shards: number, standbys: number) {
    this.byId = new Map(members.map((member) => [member.id, member]))
    this.shards = shards
    this.replicas = Math.min(standbys + 1, members.length)
    this.weight = sum(members)
    this.leadWeight = sum(members.filter(({ canLead }) => canLead))
    for (const { id } of members) this.counts.set(id, { primaries: 0, replicas: 0 })
  }

  of(id: string): { primaries: number; replicas: number } {
    return this.counts.get(id) ?? { primaries: 0, replicas: 0 }
  }

  hasRoomToLead({ id, weight, canLead }: Member): boolean {
    const most = mostOf((this.shards * weight) / this.leadWeight)
    return canLead && this.of(id).primaries < most
  }

  hasRoom(member: Member): boolean {
    return this.of(member.id).replicas < this.most(member)
  }

  isOver(member: Member): boolean {
    return this.of(member.id).replicas > this.most(member)
  }

  private most({ weight }: Member): number {
    return mostOf((this.shards * this.replicas * weight) / this.weight)
  }

  /** How full a node is, relative to its weight. */
  fullness({ id, weight }: Member): number {
    return this.of(id).replicas / weight
  }
}

/** The most that a node takes of something, given its share of it. */
function mostOf(share: number): number {
  return Math.max(Math.ceil(share), Math.floor(fullest * share))
}

function sum(members: readonly Member[]): number {
  return members.reduce((total, { weight }) => total + weight, 0)
}

function placePrimaries(
  load: Load,
  ranks: readonly (readonly Member[])[],
  current: readonly (Placement | undefined)[],
): string[] {
  const placed: string[] = ranks.map(() => '')
  const put = (shard: number, { id }: Member) => {
    placed[shard] = id
    const counts = load.of(id)
    counts.primaries++
    counts.replicas++
  }
  // Where a node has too many, those stay that prefer it most.
  const stays = ranks
    .map((rank, shard) => {
      const member = load.byId.get(current[shard]?.primary ?? '')
      return { shard, member, place: member ? rank.indexOf(member) : -1 }
    })
    .sort((a, b) => a.place - b.place || a.shard - b.shard)
  for (const { shard, member } of stays)
    if (member && load.hasRoomToLead(member)) put(shard, member)
  for (const [shard, rank] of ranks.entries()) {
    if (placed[shard] !== '') continue
    const standbys = current[shard]?.standbys ?? []
    const isStandby = ({ id }: Member) => standbys.includes(id)
    const choices = [...rank.filter(isStandby), ...rank]
    const best =
      choices.find((member) => load.hasRoomToLead(member)) ??
      choices.find(({ canLead }) => canLead) ??
      choices[0]
    if (best) put(shard, best)
  }
  return placed
}

function placeStandbys(
  load: Load,
  ranks: readonly (readonly Member[])[],
  primaries: readonly string[],
  current: readonly (Placement | undefined)[],
): readonly Placement[] {
  const placed: string[][] = ranks.map(() => [])
  const put = (shard: number, { id }: Member) => {
    placed[shard]?.push(id)
    load.of(id).replicas++
  }
  const chosen = (shard: number) =>
    [primaries[shard] ?? '', ...(placed[shard] ?? [])].flatMap((id) => load.byId.get(id) ?? [])
  for (const [shard, rank] of ranks.entries()) {
    for (const id of [...(current[shard]?.standbys ?? []), current[shard]?.primary ?? '']) {
      const member = load.byId.get(id)
      if (member === undefined || (placed[shard]?.length ?? 0) + 1 >= load.replicas) continue
      if (apart(chosen(shard), rank).includes(member) && load.hasRoom(member)) put(shard, member)
    }
  }
  for (const [shard, rank] of ranks.entries()) {
    while ((placed[shard]?.length ?? 0) + 1 < load.replicas) {
      const choices = apart(chosen(shard), rank)
      const best =
        choices.find((member) => load.hasRoom(member)) ??
        [...choices].sort((a, b) => load.fullness(a) - load.fullness(b))[0]
      if (best === undefined) break
      put(shard, best)
    }
  }
  relieve(load, ranks, primaries, placed)
  return primaries.map((primary, shard) => ({ primary, standbys: placed[shard] ?? [] }))
}

/** What stays in place may fill nodes that others need: then some of it goes where there is room. */
function relieve(
  load: Load,
  ranks: readonly (readonly Member[])[],
  primaries: readonly string[],
  placed: readonly string[][],
): void {
  for (const member of load.byId.values()) {
    for (const [shard, standbys] of placed.entries()) {
      if (!load.isOver(member)) break
      const place = standbys.indexOf(member.id)
      if (place < 0) continue
      const others = [primaries[shard] ?? '', ...standbys].filter((id) => id !== member.id)
      const taken = others.flatMap((id) => load.byId.get(id) ?? [])
      const better = apart(taken, ranks[shard] ?? []).find((other) => load.hasRoom(other))
      if (better === undefined) continue
      standbys[place] = better.id
      load.of(member.id).replicas--
      load.of(better.id).replicas++
    }
  }
}

/** Members that a further replica may go to: other zones and hosts than those taken, where there are any. */
function apart(taken: readonly Member[], rank: readonly Member[]): readonly Member[] {
  const others = rank.filter((member) => !taken.includes(member))
  const elsewhere = others.filter(({ host }) => taken.every((one) => one.host !== host))
  const hosts = elsewhere.length > 0 ? elsewhere : others
  const zones = hosts.filter(({ zone }) => taken.every((one) => one.zone !== zone))
  return zones.length > 0 ? zones : hosts
}

/** Members by how much a shard prefers them. */
function ranked(members: readonly Member[], shard: number): readonly Member[] {
  return members
    .map((member) => ({ member, score: mixed(fnv1a32(`${member.id} ${shard}`)) }))
    .sort((a, b) => b.score - a.score || (a.member.id < b.member.id ? -1 : 1))
    .map(({ member }) => member)
}

/** Spreads the bits of a hash whose last bytes differ little: the finaliser of MurmurHash3. */
function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

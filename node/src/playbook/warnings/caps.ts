import { isDeepStrictEqual } from 'node:util'
import { parseDuration } from '../../core/duration.ts'
import type { Path, PlaybookDocument } from '../document.ts'
import type { LimitSource, PlaybookSource } from '../source.ts'

/*
 * A cap can never bind where, of what it counts, others let less through. What outcomes a cap counts
 * is a set of pairs of an offer and a placement.
 */

interface Cap {
  readonly path: Path
  readonly source: LimitSource
  /** Pairs that it counts. */
  readonly counts: ReadonlySet<string>
  /** Pairs that it keeps out when it is reached. */
  readonly blocks: ReadonlySet<string>
  /** It counts each item that an offer is made of by itself. */
  readonly isPerItem: boolean
}

/** More pairs than this are not looked at: a person writes fewer. */
const pairsMax = 2_000

/** More caps than this are not compared with each other. */
const capsMax = 500

/** Warns of caps that are never reached, because others are before. */
export function warnOfCaps(source: PlaybookSource, document: PlaybookDocument): void {
  const pairs = pairsOf(source)
  if (pairs.length > pairsMax) return
  const caps = capsOf(source, pairs)
  if (caps.length > capsMax) return
  const told = new Set<LimitSource>()
  for (const cap of caps) {
    if (told.has(cap.source)) continue
    const reason = reasonFor(cap, caps)
    // A cap of a group counts by each offer: it is useless only where it is for all of them.
    const same = caps.filter((one) => one.source === cap.source)
    if (reason === undefined || !same.every((one) => reasonFor(one, caps) !== undefined)) continue
    told.add(cap.source)
    document.warn([...cap.path, 'max'], reason)
  }
}

function reasonFor(cap: Cap, caps: readonly Cap[]): string | undefined {
  const { max, on } = cap.source
  const others = caps.filter((one) => one.source !== cap.source && isNarrower(one, cap))
  const one = others.find(
    ({ source, blocks, counts }) =>
      isWithin(cap.blocks, blocks) &&
      isWithin(cap.counts, counts) &&
      (source.max < max || (source.max === max && !isSame(cap, { source, counts }))),
  )
  if (one) return `never reached: ${words(one)} is before`
  // Of what is shown a cap lets no more through; clicks come as they like.
  const sum = on === 'display' ? sumOf(cap, others) : undefined
  return sum !== undefined && sum < max
    ? `never reached: the caps of what it counts allow ${sum} ${on} together`
    : undefined
}

/** Equal caps would each make the other useless: then neither is. */
function isSame(cap: Cap, { source, counts }: Pick<Cap, 'source' | 'counts'>): boolean {
  return covers(cap.source.per, source.per) && isWithin(counts, cap.counts)
}

/** What caps that cover all that is counted, each pair by one, allow together. */
function sumOf(cap: Cap, others: readonly Cap[]): number | undefined {
  const left = new Set(cap.counts)
  let sum = 0
  const inside = others
    .filter(({ counts, blocks }) => isWithin(blocks, counts) && isWithin(counts, blocks))
    .toSorted((a, b) => a.source.max / a.counts.size - b.source.max / b.counts.size)
  for (const { source, counts } of inside) {
    if (!Array.from(counts).some((pair) => left.has(pair))) continue
    sum += source.max
    for (const pair of counts) left.delete(pair)
  }
  return left.size === 0 ? sum : undefined
}

/** Whether a cap counts the same outcome for at least as long, and takes no pause. */
function isNarrower(one: Cap, than: Cap): boolean {
  return (
    (!one.isPerItem || than.isPerItem) &&
    isDeepStrictEqual(extras(one.source), extras(than.source)) &&
    one.source.on === than.source.on &&
    covers(one.source.per, than.source.per)
  )
}

/** Whatever else a cap says: those that say different things are not compared. */
function extras({ on: _on, max: _max, per: _per, across: _across, ...rest }: LimitSource): object {
  return rest
}

const hour = 3_600_000
/** The longest that a calendar window takes, with the hour of a change of time. */
const longest: { readonly [unit: string]: number } = {
  day: 25 * hour,
  week: (7 * 24 + 1) * hour,
  month: (31 * 24 + 1) * hour,
}

/** Whether all that is in the window `shorter` is in the window `longer`, always. */
function covers(longer: string, shorter: string): boolean {
  if (longer === shorter || longer === 'lifetime') return true
  if (longer === 'session' || shorter === 'session' || shorter === 'lifetime') return false
  if (shorter === 'day' && (longer === 'week' || longer === 'month')) return true
  const ms = parseDuration(longer)
  const other = longest[shorter] ?? parseDuration(shorter)
  return ms !== undefined && other !== undefined && ms >= other
}

function isWithin(inner: ReadonlySet<string>, outer: ReadonlySet<string>): boolean {
  return inner.size <= outer.size && Array.from(inner).every((one) => outer.has(one))
}

function words({ source: { on, max, per, across }, path }: Cap): string {
  const scope = across === undefined ? '' : ` across ${across}`
  return `at most ${max} ${on} per ${per}${scope} (${path.slice(0, -2).join('.')})`
}

interface Pair {
  readonly key: string
  readonly offer: string
  readonly placement: string
  readonly channel: string
  readonly group: string | undefined
  /** The offer is made from a catalogue. */
  readonly isTemplate: boolean
}

function pairsOf({ offers = {}, placements }: PlaybookSource): readonly Pair[] {
  return Object.entries(offers).flatMap(([offer, { treatments, group, from }]) =>
    Object.entries(placements).flatMap(([placement, { channel, format }]) =>
      Object.hasOwn(treatments, format)
        ? [
            {
              key: JSON.stringify([offer, placement]),
              offer,
              placement,
              channel,
              group,
              isTemplate: from !== undefined,
            },
          ]
        : [],
    ),
  )
}

function capsOf(
  { groups = {}, offers = {}, placements }: PlaybookSource,
  pairs: readonly Pair[],
): readonly Cap[] {
  const of = (
    part: string,
    name: string,
    limits: readonly LimitSource[] | undefined,
    own: 'offer' | 'placement',
    standsUnder: (pair: Pair) => boolean,
  ): readonly Cap[] =>
    (limits ?? []).flatMap((source, index) =>
      source.pause === undefined
        ? capOf([part, name, 'limits', index], source, own, pairs.filter(standsUnder), pairs)
        : [],
    )
  return [
    ...Object.entries(groups).flatMap(([name, { limits }]) =>
      of('groups', name, limits, 'offer', ({ group }) => group === name),
    ),
    ...Object.entries(offers).flatMap(([name, { limits }]) =>
      of('offers', name, limits, 'offer', ({ offer }) => offer === name),
    ),
    ...Object.entries(placements).flatMap(([name, { limits }]) =>
      of('placements', name, limits, 'placement', ({ placement }) => placement === name),
    ),
  ]
}

/** A limit is one cap for each thing that it counts by. */
function capOf(
  path: Path,
  source: LimitSource,
  own: 'offer' | 'placement',
  under: readonly Pair[],
  pairs: readonly Pair[],
): readonly Cap[] {
  const scope = source.across ?? own
  const by = (pair: Pair) => (scope === 'all' ? '' : pair[scope])
  return Array.from(Map.groupBy(under, by), ([value, blocked]) => ({
    path,
    source,
    counts: new Set(pairs.filter((pair) => by(pair) === value).map(({ key }) => key)),
    blocks: new Set(blocked.map(({ key }) => key)),
    isPerItem: scope === 'offer' && blocked.some(({ isTemplate }) => isTemplate),
  }))
}

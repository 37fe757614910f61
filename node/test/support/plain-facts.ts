import type { ChannelRecord } from '@halfsecond/protocol'

/** The facts of a set of records, worked out the slow way: what a fold of any order must give. */
export interface PlainFacts {
  /** Ids, oldest first. */
  readonly timeline: readonly string[]
  /** Values by `kind name`; removed ones as null. */
  readonly registers: { readonly [register: string]: unknown }
}

interface Write {
  readonly register: string
  readonly value: unknown
  readonly at: number
  readonly id: string
}

/** @param records all that is known of one identifier, in any order, repeats included */
export function plainFacts(records: readonly ChannelRecord[]): PlainFacts {
  const byIdentity = new Map<string, ChannelRecord>()
  const writes: Write[] = []
  for (const record of records) {
    if (record.kind === 'event' || record.kind === 'logout') byIdentity.set(record.id, record)
    else if (record.kind === 'outcome') {
      const { decision, placement, offer, outcome } = record
      byIdentity.set(`outcome ${decision}|${placement}|${offer}|${outcome}`, record)
    } else writes.push(...writesOf(record))
  }
  const timeline = [...byIdentity]
    .sort(([idA, a], [idB, b]) => a.at - b.at || idA.length - idB.length || (idA < idB ? -1 : 1))
    .map(([, record]) => record.id)
  writes.sort((a, b) => a.at - b.at || a.id.length - b.id.length || (a.id < b.id ? -1 : 1))
  return {
    timeline,
    registers: Object.fromEntries(
      writes.map(({ register, value, at, id }) => [register, { value, at, id }]),
    ),
  }
}

function writesOf(record: ChannelRecord): Write[] {
  const { at, id } = record
  const write = (register: string, value: unknown) => ({ register, value, at, id })
  switch (record.kind) {
    case 'traits':
      return [
        ...record.unset
          .filter((name) => !(name in record.set))
          .map((name) => write(`traits ${name}`, null)),
        ...Object.entries(record.set).map(([name, value]) => write(`traits ${name}`, value)),
      ]
    case 'link':
      return [write(`links ${record.to}`, record.strength)]
    case 'unlink':
      return [write(`links ${record.to}`, null)]
    case 'consent':
      return [write(`consents ${record.purpose}`, record.granted)]
    default:
      return []
  }
}

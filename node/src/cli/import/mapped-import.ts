import { randomUUID } from 'node:crypto'
import type { Transport } from '@halfsecond/client/transport'
import {
  encode,
  HalfsecondError,
  type Identifier,
  namespacesOf,
  type ShardMap,
} from '@halfsecond/protocol'
import { type AdminClient, Problem } from '../admin-client.ts'
import { fieldsOf, listOf } from '../fields.ts'
import { type Compared, Comparison } from './comparison.ts'
import { type GoneUses, goneTraits } from './gone-traits.ts'
import { type Imported, Importer, type ImportParts } from './importer.ts'
import { everyTrait, KeyTable } from './key-table.ts'
import { LogDestination, type LogOptions } from './log-destination.ts'
import type { MappedFile } from './mapping.ts'
import { Pace } from './pace.ts'
import type { Row } from './row.ts'
import { toldBy } from './told-by.ts'

export interface MappedUses {
  readonly parts: Omit<ImportParts, 'mapping' | 'destination' | 'pace' | 'onRow'>
  readonly mapping: MappedFile
  readonly transport: Transport
  readonly map: ShardMap
  readonly log: LogOptions
  /** Where profiles are read. */
  readonly admin: AdminClient
  readonly linksPerSecond: number
  /** Compare with what is there, and send nothing. */
  readonly isDryRun: boolean
}

export interface MappedImported extends Imported {
  /** Traits that the source said earlier and does not say any more. */
  readonly unset: number
  /** Of a dry run. */
  readonly compared?: Compared
}

/** Imports a file by its mapping: what its rows say, then, in mode `full`, what they say no more. */
export async function importMapped(uses: MappedUses): Promise<MappedImported> {
  const { parts, mapping, transport, map, log, admin, linksPerSecond, isDryRun } = uses
  const { signal } = parts
  const namespaces = namespacesOf(map)
  if (isDryRun || mapping.columns.mode === 'full') await checkSameCluster(map, admin)
  const seen = new SeenKeys()
  const comparison = isDryRun
    ? new Comparison(namespaces, (identifier) => profileOf(identifier, admin))
    : undefined
  const onRow = (row: Row) => {
    if (mapping.columns.mode === 'full') seen.add(row)
    comparison?.onRow(row)
  }
  const destination = comparison ?? new LogDestination(transport, map, log)
  const known = mapping.columns.mode === 'full' && !comparison ? await knownLinks(uses) : undefined
  const pace = new Pace(linksPerSecond, signal)
  const hold = (row: Row) => {
    const links = comparison ? 0 : newLinksIn(row, known)
    return links > 0 ? pace.take(links) : undefined
  }
  const imported = await new Importer({ ...parts, hold, mapping, destination, onRow }).run()
  const unset =
    mapping.columns.mode === 'full' && !signal.aborted ? await unsetGone(uses, seen.asUses()) : 0
  return {
    ...imported,
    unset,
    isStopped: signal.aborted,
    ...(comparison && { compared: comparison.compared }),
  }
}

/** Links that the source told before: told again they move nothing, so they need not be held back. */
async function knownLinks({ admin, mapping }: MappedUses): Promise<KeyTable> {
  const known = new KeyTable()
  for await (const { identifier, links } of toldBy(mapping.columns.source, admin))
    for (const link of Array.isArray(links) ? links : []) known.add(pairOf(identifier, link), [])
  return known
}

function newLinksIn(row: Row, known: KeyTable | undefined): number {
  if (!('drafts' in row)) return 0
  return row.drafts.filter(
    (draft) => draft.kind === 'link' && !known?.traits(pairOf(draft.key, draft.to)),
  ).length
}

function pairOf(lower: unknown, upper: unknown): string {
  return JSON.stringify([lower, upper])
}

/** The keys of a file in mode `full`. */
class SeenKeys {
  private readonly table = new KeyTable()
  /** Without a row whose key could not be read: whom that is about, nobody knows. */
  private isComplete = true

  add(row: Row): void {
    if ('drafts' in row) this.table.add(row.key, row.traits)
    else if ('fault' in row && row.key !== undefined) this.table.add(row.key, [everyTrait])
    else this.isComplete = false
  }

  /** @throws HalfsecondError `INVALID` for a file that would unset all that its source ever said */
  asUses(): Pick<GoneUses, 'table' | 'isComplete'> {
    const { table, isComplete } = this
    if (table.size > 0) return { table, isComplete }
    throw new HalfsecondError(
      'INVALID',
      'no row of the file has a key, so nothing was unset: is it the right file, and whole?',
    )
  }
}

/**
 * Sends what unsets the traits that are gone. What it sends depends on what is there, so each run is
 * a producer of its own, which is forgotten like any channel's; sent twice it changes nothing more.
 * @returns how many traits
 */
async function unsetGone(
  { parts, mapping, transport, map, log, admin, isDryRun }: MappedUses,
  seen: Pick<GoneUses, 'table' | 'isComplete'>,
): Promise<number> {
  const { source, channel } = mapping.columns
  const namespaces = namespacesOf(map)
  const producer = randomUUID()
  const destination = new LogDestination(transport, map, { ...log, producer })
  const told = toldBy(source, admin)
  const { modifiedAt } = mapping
  let n = 0
  let traits = 0
  for await (const draft of goneTraits(told, {
    ...seen,
    source,
    channel,
    modifiedAt,
    namespaces,
  })) {
    traits += draft.unset.length
    n++
    if (isDryRun) continue
    const record = { ...draft, id: `${parts.identity.idPrefix}:unset:${n}`, n }
    destination.add(draft.key, { n, line: 0, bytes: encode(record), text: draft.key })
    await destination.roomy()
    if (parts.signal.aborted) break
  }
  await destination.finish()
  return traits
}

/**
 * What is unset depends on what was read: from another cluster it would be nonsense.
 * @throws HalfsecondError `INVALID`
 */
async function checkSameCluster({ shards }: ShardMap, admin: AdminClient): Promise<void> {
  const others = listOf(fieldsOf(await admin.get('/v1/map')).shards)
  const isSame =
    shards.length === others.length &&
    shards.every(({ incarnation }, shard) => others[shard]?.incarnation === incarnation)
  if (isSame) return
  throw new HalfsecondError(
    'INVALID',
    'the admin port is that of another cluster: name one of the cluster that --url names with --admin-url or HALFSECOND_ADMIN_URL',
  )
}

async function profileOf(identifier: Identifier, admin: AdminClient): Promise<unknown> {
  try {
    return await admin.get(`/v1/profiles/${encodeURIComponent(identifier)}?newest=0`)
  } catch (error) {
    if (error instanceof Problem && error.details.status === 404) return undefined
    throw error
  }
}

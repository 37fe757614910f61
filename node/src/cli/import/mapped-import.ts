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
import { goneFacts } from './gone-facts.ts'
import { type Imported, Importer, type ImportParts } from './importer.ts'
import { KeyTable } from './key-table.ts'
import { LogDestination, type LogOptions } from './log-destination.ts'
import type { MappedFile } from './mapping.ts'
import { Pace } from './pace.ts'
import type { Row } from './row.ts'
import { pairOf, SeenFacts } from './seen-facts.ts'
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
  /** Links likewise. */
  readonly unlinked: number
  /** Of a dry run. */
  readonly compared?: Compared
}

/** Imports a file by its mapping: what its rows say, then, in mode `full`, what they say no more. */
export async function importMapped(uses: MappedUses): Promise<MappedImported> {
  const { parts, mapping, transport, map, log, admin, linksPerSecond, isDryRun } = uses
  const { signal } = parts
  const namespaces = namespacesOf(map)
  if (isDryRun || mapping.columns.mode === 'full') await checkSameCluster(map, admin)
  const seen = new SeenFacts()
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
  const gone =
    mapping.columns.mode === 'full' && !signal.aborted
      ? await takeBackGone(uses, seen, pace)
      : { unset: 0, unlinked: 0 }
  return {
    ...imported,
    ...gone,
    isStopped: signal.aborted,
    ...(comparison && { compared: comparison.compared }),
  }
}

/** Links that the source told before: told again they move nothing, so they need not be held back. */
async function knownLinks({ admin, mapping }: MappedUses): Promise<KeyTable> {
  const known = new KeyTable()
  for await (const { identifier, links } of toldBy(mapping.columns.source, admin))
    for (const { to, state } of listOf(links))
      if (state === 'valid') known.add(pairOf(String(identifier), String(to)), [])
  return known
}

function newLinksIn(row: Row, known: KeyTable | undefined): number {
  if (!('drafts' in row)) return 0
  return row.drafts.filter(
    (draft) => draft.kind === 'link' && !known?.traits(pairOf(draft.key, draft.to)),
  ).length
}

/**
 * Sends what takes back what is gone. What it sends depends on what is there, so each run is a
 * producer of its own, which is forgotten like any channel's; sent twice it changes nothing more.
 * Links that end move as much as links that begin, and go out at the same pace.
 */
async function takeBackGone(
  { parts, mapping, transport, map, log, admin, isDryRun }: MappedUses,
  seen: SeenFacts,
  pace: Pace,
): Promise<Pick<MappedImported, 'unset' | 'unlinked'>> {
  seen.checkNotEmpty()
  const { modifiedAt } = mapping
  const { source, channel } = mapping.columns
  const destination = new LogDestination(transport, map, { ...log, producer: randomUUID() })
  const uses = { source, channel, seen, modifiedAt, namespaces: namespacesOf(map) }
  let n = 0
  let unset = 0
  let unlinked = 0
  for await (const draft of goneFacts(toldBy(source, admin), uses)) {
    if (draft.kind === 'traits') unset += draft.unset.length
    else unlinked++
    n++
    if (isDryRun) continue
    const record = { ...draft, id: `${parts.identity.idPrefix}:gone:${n}`, n }
    destination.add(draft.key, { n, line: 0, bytes: encode(record), text: draft.key })
    if (draft.kind === 'unlink') await pace.take(1)
    await destination.roomy()
    if (parts.signal.aborted) break
  }
  await destination.finish()
  return { unset, unlinked }
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

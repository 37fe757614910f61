import { encode, HalfsecondError, subjects } from '@halfsecond/protocol'
import { hash64Hex } from '../../core/digest.ts'
import { foldVersion } from '../../core/shard/shard-state.ts'
import type { Bus, Clock, Observer, ShardStore, Store, StoredRow } from '../ports.ts'
import { readStoredRows } from '../stored-rows.ts'
import {
  chained,
  type Manifest,
  type Part,
  readManifest,
  readPart,
  type SnapshotRequest,
} from './snapshot-messages.ts'

/** A copy takes no more than this of donor, network and disk: both nodes go on deciding. */
const copyBytesPerSecond = 16 * 1024 ** 2

/** Rows that one transaction writes. */
const writtenAtOnceBytes = 2 * 1024 ** 2

/** A chunk that a donor may send: a row of the largest timeline chunk fits with room. */
const chunkBytesMax = 8 * 1024 ** 2

const requestMs = 3_000

/** How often a part is asked for, and the pause between: a server of NATS may have gone meanwhile. */
const tries = 3
const retryMs = 500

export interface ImportDependencies {
  readonly bus: Pick<Bus, 'request'>
  /** The donor. */
  readonly node: string
  readonly shard: number
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
  /** Told the copy's position before the first row: from there on the log must stay. */
  readonly onBegin?: (applied: number) => void
  /** 16 MiB by default. */
  readonly bytesPerSecond?: number
}

/**
 * Fills a shard's store with another node's copy, and resolves with its position. What the store
 * had is removed first; the meta row comes last, so that half a copy counts as none. Rejects with
 * `UNAVAILABLE`; then another donor may be asked.
 */
export async function importSnapshot(uses: ImportDependencies): Promise<number> {
  const { node, shard, store, clock, observer, onBegin } = uses
  const target = store.shard(shard)
  const started = clock.monotonic()
  try {
    await target.clear()
    const manifest = readManifest(await ask(uses, { op: 'snapshot', shard }))
    try {
      if (manifest.foldVersion > foldVersion)
        throw new HalfsecondError('UNAVAILABLE', `it folds by rules ${manifest.foldVersion}`)
      onBegin?.(manifest.applied)
      const { rows, bytes } = await copy(uses, manifest, target)
      const seconds = (clock.monotonic() - started) / 1_000
      observer.noted('info', `copied shard ${shard} from ${node}`, { rows })
      observer.snapshotCopied(shard, bytes, seconds)
    } finally {
      void ask(uses, { op: 'snapshot.end', id: manifest.id }).catch(() => {})
    }
    return manifest.applied
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    const why = `cannot copy shard ${shard} from ${node}: ${detail}`
    throw new HalfsecondError('UNAVAILABLE', why, { cause: error })
  }
}

interface Copied {
  readonly rows: number
  readonly bytes: number
}

async function copy(uses: ImportDependencies, { id }: Manifest, to: ShardStore): Promise<Copied> {
  const unwritten = new Unwritten(to)
  let rows = 0
  let bytes = 0
  let digest = ''
  for (let number = 0; ; number++) {
    const chunk = await fetchChunk(uses, id, number)
    const read = readStoredRows(chunk.bytes)
    rows += read.length
    bytes += chunk.bytes.length
    digest = chained(digest, chunk.hash)
    if (rows !== chunk.rows || digest !== chunk.digest)
      throw new HalfsecondError('UNAVAILABLE', `the copy has gaps before chunk ${number}`)
    if (!chunk.isLast) await unwritten.add(read, chunk.bytes.length)
    else {
      await unwritten.write()
      await to.restore(read)
      return { rows, bytes }
    }
  }
}

/** Rows that wait for a transaction worth its sync. */
class Unwritten {
  private readonly to: ShardStore
  private rows: StoredRow[] = []
  private bytes = 0

  constructor(to: ShardStore) {
    this.to = to
  }

  async add(rows: readonly StoredRow[], bytes: number): Promise<void> {
    for (const row of rows) this.rows.push(row)
    this.bytes += bytes
    if (this.bytes >= writtenAtOnceBytes) await this.write()
  }

  async write(): Promise<void> {
    const { rows } = this
    this.rows = []
    this.bytes = 0
    if (rows.length > 0) await this.to.restore(rows)
  }
}

/** A whole chunk, not sooner than the rate of the copy allows. */
async function fetchChunk(uses: ImportDependencies, id: string, chunk: number): Promise<Part> {
  const { clock, bytesPerSecond = copyBytesPerSecond } = uses
  const started = clock.monotonic()
  const first = await fetchPart(uses, id, chunk, 0)
  const whole = first.bytes.length === first.size ? first : await fetchRest(uses, id, chunk, first)
  if (hash64Hex(whole.bytes) !== whole.hash)
    throw new HalfsecondError(
      'UNAVAILABLE',
      `chunk ${chunk} arrived with other bytes than were sent`,
    )
  const early = started + (whole.size * 1_000) / bytesPerSecond - clock.monotonic()
  if (early > 0) await new Promise<void>((resolve) => clock.after(early, resolve))
  return whole
}

async function fetchRest(
  uses: ImportDependencies,
  id: string,
  chunk: number,
  first: Part,
): Promise<Part> {
  if (first.size > chunkBytesMax)
    throw new HalfsecondError('TOO_LARGE', `a chunk of ${first.size} bytes`)
  const bytes = new Uint8Array(first.size)
  let { bytes: part } = first
  for (let at = 0; ; { bytes: part } = await fetchPart(uses, id, chunk, at)) {
    if (part.length === 0 || at + part.length > bytes.length)
      throw new HalfsecondError('MALFORMED', `parts of chunk ${chunk} that do not fit together`)
    bytes.set(part, at)
    at += part.length
    if (at === bytes.length) return { ...first, bytes }
  }
}

/** A part may be asked for again: an answer that was lost costs a moment, not the copy. */
async function fetchPart(
  uses: ImportDependencies,
  id: string,
  chunk: number,
  from: number,
): Promise<Part> {
  for (let left = tries - 1; ; left--) {
    let answer: Uint8Array
    try {
      answer = await ask(uses, { op: 'snapshot.rows', id, chunk, from })
    } catch (error) {
      if (left === 0) throw error
      await new Promise<void>((resolve) => uses.clock.after(retryMs, resolve))
      continue
    }
    return readPart(answer)
  }
}

function ask({ bus, node }: ImportDependencies, request: SnapshotRequest): Promise<Uint8Array> {
  return bus.request(subjects.control(node), encode(request), requestMs)
}

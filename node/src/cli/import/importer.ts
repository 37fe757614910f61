import { bounds, encode, type Identifier, type Namespaces, recordFault } from '@halfsecond/protocol'
import type { Content } from './content.ts'
import { type Mapping, mappingText, recordsPerRow } from './mapping.ts'
import type { Progress } from './progress.ts'
import { readRows } from './reader.ts'
import type { RejectedFile } from './rejected-file.ts'
import { type Draft, draftsOf, type RefusedRow, type Row } from './row.ts'
import type { Numbered } from './shard-queue.ts'

/** Where records go: into the logs of a cluster, or nowhere in a dry run. */
export interface Destination {
  readonly namespaces: Namespaces
  /** Records that are there. */
  readonly stored: number
  add(key: Identifier, record: Numbered): void
  /** Resolves when there is room for more. Rejects when no more can be stored. */
  roomy(): Promise<void>
  /** Resolves when all is stored: true if whoever asks next sees it. Rejects like `roomy`. */
  finish(): Promise<boolean>
}

export interface Imported {
  /** Rows of the file that were read. */
  readonly lines: number
  readonly sent: number
  readonly rejected: number
  /** Records with a value that was shortened to its bound. */
  readonly shortened: number
  /** Whether whoever asks next sees all of it. */
  readonly isFolded: boolean
  readonly isStopped: boolean
}

/**
 * Who sends: the hash of file and mapping. A record's number follows from its line. So importing the
 * same file again, however far it came before, changes nothing that is there already.
 */
export interface ImportIdentity {
  readonly producer: string
  /** Record ids are `<prefix>:<line>`, and `<prefix>:<line>:<i>` of a row's further records. */
  readonly idPrefix: string
}

export function identityOf(content: Content, mapping: Mapping): ImportIdentity {
  const hash = content.hash(mappingText(mapping))
  // A producer has at most 64 characters; half of the hash is enough to tell files apart.
  return { producer: `import:${hash.slice(0, 32)}`, idPrefix: hash.slice(0, 16) }
}

export interface ImportParts {
  readonly content: Content
  readonly mapping: Mapping
  readonly identity: ImportIdentity
  readonly destination: Destination
  readonly progress: Progress
  readonly rejected: RejectedFile
  /** Stops reading. */
  readonly signal: AbortSignal
  /** Holds the rows after this one back. */
  readonly hold?: (row: Row) => Promise<void> | undefined
  /** Told of every row, before its records are handed on. */
  readonly onRow?: (row: Row) => void
}

/** Reads a file's lines and hands what they say to a destination. */
export class Importer {
  private readonly parts: ImportParts
  private lines = 0
  private shortened = 0
  private readBytes = 0

  constructor(parts: ImportParts) {
    this.parts = parts
  }

  /** Rejects when nothing more can be stored. What is stored by then stays. */
  async run(): Promise<Imported> {
    const { mapping, destination, progress, rejected, signal, hold } = this.parts
    let isFolded = false
    try {
      for await (const rows of readRows(this.counted(), mapping, destination.namespaces)) {
        for (const row of rows) {
          this.add(row)
          const held = hold?.(row)
          if (held !== undefined) await held
          if (signal.aborted) break
        }
        progress.show(this.lines, this.readBytes)
        await rejected.flushed()
        await destination.roomy()
        if (signal.aborted) break
      }
      isFolded = await destination.finish()
    } finally {
      progress.clear()
      await rejected.close()
    }
    return {
      lines: this.lines,
      sent: destination.stored,
      rejected: rejected.count,
      shortened: this.shortened,
      isFolded,
      isStopped: signal.aborted,
    }
  }

  private async *counted(): AsyncIterable<Buffer> {
    for await (const chunk of this.parts.content.read()) {
      this.readBytes += chunk.length
      yield chunk
    }
  }

  private add(row: Row): void {
    const { destination, onRow } = this.parts
    this.lines++
    if ('fault' in row) {
      this.refuse(row)
      return
    }
    const records = this.recordsOf(row)
    if (typeof records === 'string') {
      this.refuse({ ...row, fault: records })
      return
    }
    onRow?.(row)
    for (const { key, record } of records) destination.add(key, record)
    if ('draft' in row && isShortened(row.draft)) this.shortened++
  }

  private refuse(row: RefusedRow): void {
    this.parts.rejected.add(row.line, row.fault, row.text)
    this.parts.onRow?.(row)
  }

  /** The records of a row, or why it has none that count. */
  private recordsOf(row: Exclude<Row, RefusedRow>): Keyed[] | string {
    const { identity, destination, mapping } = this.parts
    const { line, text } = row
    const records: Keyed[] = []
    for (const [index, draft] of draftsOf(row).entries()) {
      // Records of one shard are not consecutive, so each carries its own number.
      const n = line * recordsPerRow(mapping) + index
      const id = `${identity.idPrefix}:${line}${index === 0 ? '' : `:${index}`}`
      const record = { ...draft, id: draft.id ?? id, n }
      const bytes = encode(record)
      const fault = recordFault(record, destination.namespaces) ?? sizeFault(bytes)
      if (fault !== undefined) return fault
      records.push({ key: draft.key, record: { n, line, bytes, text } })
    }
    return records
  }
}

interface Keyed {
  readonly key: Identifier
  readonly record: Numbered
}

function sizeFault(bytes: Uint8Array): string | undefined {
  return bytes.length > bounds.recordBytes
    ? `a record of ${bytes.length} bytes; at most ${bounds.recordBytes}`
    : undefined
}

function isShortened(draft: Draft): boolean {
  return draft.kind === 'event' && draft.properties.shortened !== undefined
}

/** Takes records nowhere. */
export class NoDestination implements Destination {
  readonly namespaces: Namespaces
  stored = 0

  constructor(namespaces: Namespaces) {
    this.namespaces = namespaces
  }

  add(): void {
    this.stored++
  }

  roomy(): Promise<void> {
    return Promise.resolve()
  }

  finish(): Promise<boolean> {
    return Promise.resolve(true)
  }
}

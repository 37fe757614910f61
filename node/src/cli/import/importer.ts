import { bounds, encode, type Identifier, type Namespaces, recordFault } from '@halfsecond/protocol'
import type { Content } from './content.ts'
import { type Mapping, mappingText } from './mapping.ts'
import type { Progress } from './progress.ts'
import { readRows } from './reader.ts'
import type { RejectedFile } from './rejected-file.ts'
import type { Draft, Row } from './row.ts'
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
 * Who sends: the hash of file and mapping. A record's number is its line. So importing the same
 * file again, however far it came before, changes nothing that is there already.
 */
export interface ImportIdentity {
  readonly producer: string
  /** Record ids are `<prefix>:<line>`. */
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
    const { mapping, destination, progress, rejected, signal } = this.parts
    let isFolded = false
    try {
      for await (const rows of readRows(this.counted(), mapping, destination.namespaces)) {
        for (const row of rows) this.add(row)
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
    const { destination, identity, rejected } = this.parts
    this.lines++
    if ('fault' in row) {
      rejected.add(row.line, row.fault, row.text)
      return
    }
    const { line, text, draft } = row
    // Lines of one shard are not consecutive, so each record carries its own number.
    const record = { ...draft, id: draft.id ?? `${identity.idPrefix}:${line}`, n: line }
    const bytes = encode(record)
    const fault = recordFault(record, destination.namespaces) ?? sizeFault(bytes)
    if (fault !== undefined) {
      rejected.add(line, fault, text)
      return
    }
    if (isShortened(draft)) this.shortened++
    destination.add(draft.key, { line, bytes, text })
  }
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

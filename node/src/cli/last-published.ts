import { hash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'

/** What was published from a file last, whichever file that was. */
export interface LastPublished {
  /** The number that this text got; undefined where another one was published last, or none. */
  versionOf(text: string): number | undefined
  /** Throws where it cannot be kept: then the text is published once more at the next start. */
  remember(text: string, version: number): void
}

/**
 * Kept beside the state of a node: so that a restart tells a file that was edited from one that was
 * not. A file that is gone or garbled remembers nothing.
 */
export function lastPublishedIn(dataDir: string): LastPublished {
  const path = join(dataDir, 'published-from-file')
  return {
    versionOf(text) {
      const kept = keptIn(path)
      return kept?.hash === hashOf(text) ? kept.version : undefined
    },
    remember(text, version) {
      writeFileSync(path, `${JSON.stringify({ version, hash: hashOf(text) })}\n`, { mode: 0o600 })
    },
  }
}

function keptIn(path: string): { readonly version: number; readonly hash: unknown } | undefined {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (!isFields(kept) || typeof kept.version !== 'number') return undefined
    return { version: kept.version, hash: kept.hash }
  } catch {
    return undefined
  }
}

function hashOf(text: string): string {
  return hash('sha256', text)
}

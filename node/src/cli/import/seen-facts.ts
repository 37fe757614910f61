import { HalfsecondError, type Identifier } from '@halfsecond/protocol'
import { everyTrait, KeyTable } from './key-table.ts'
import type { Row } from './row.ts'

/** What the rows of a file in mode `full` say: all that its source still says. */
export class SeenFacts {
  private readonly keys = new KeyTable()
  private readonly links = new KeyTable()
  /** Without a row whose key could not be read: whom that is about, nobody knows. */
  private isComplete = true

  add(row: Row): void {
    if ('drafts' in row) {
      this.keys.add(row.key, row.traits)
      for (const draft of row.drafts)
        if (draft.kind === 'link') this.links.add(pairOf(draft.key, draft.to), [])
    } else if ('fault' in row && row.key !== undefined) {
      this.keys.add(row.key, [everyTrait])
    } else {
      this.isComplete = false
    }
  }

  /** @throws HalfsecondError `INVALID` for a file that would take back all that its source ever said */
  checkNotEmpty(): void {
    if (this.keys.size > 0) return
    throw new HalfsecondError(
      'INVALID',
      'no row of the file has a key, so nothing was unset: is it the right file, and whole?',
    )
  }

  lacksTrait(key: Identifier, name: string): boolean {
    const has = this.keys.traits(key)
    return has === undefined ? this.isComplete : !(has.has(name) || has.has(everyTrait))
  }

  /** Either end may be the key of the row that said so. */
  lacksLink(lower: Identifier, upper: Identifier): boolean {
    if (this.links.traits(pairOf(lower, upper)) !== undefined) return false
    const rows = [this.keys.traits(lower), this.keys.traits(upper)]
    if (rows.some((has) => has?.has(everyTrait))) return false
    return this.isComplete || rows.some((has) => has !== undefined)
  }
}

/** How a link stands in a table. */
export function pairOf(lower: string, upper: string): string {
  return JSON.stringify([lower, upper])
}

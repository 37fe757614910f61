import { isDeepStrictEqual } from 'node:util'
import type { Identifier, Namespaces } from '@halfsecond/protocol'
import { fieldsOf, listOf } from '../fields.ts'
import type { Destination } from './importer.ts'
import type { MappedRow, Row } from './row.ts'

/** Profiles that are asked for at once: a node answers while it decides. */
const underWayMax = 16

/** Rows that wait for it; reading pauses above it. */
const waitingMax = 1024

export interface Compared {
  /** Rows of keys that nothing is known of. */
  readonly new: number
  /** Rows that say something else than what is known. */
  readonly changed: number
  readonly unchanged: number
  /** Links that are not there yet: as many profiles may become one with another. */
  readonly merged: number
}

/** Instead of sending rows, compares them with what is there. Each row by itself. */
export class Comparison implements Destination {
  readonly namespaces: Namespaces
  stored = 0
  private readonly ask: (identifier: Identifier) => Promise<unknown>
  private readonly counts = { new: 0, changed: 0, unchanged: 0, merged: 0 }
  private readonly waiting: MappedRow[] = []
  private readonly underWay = new Set<Promise<void>>()
  private failure: unknown

  /** @param ask gives the profile of an identifier, undefined where nothing is known of it */
  constructor(namespaces: Namespaces, ask: (identifier: Identifier) => Promise<unknown>) {
    this.namespaces = namespaces
    this.ask = ask
  }

  get compared(): Compared {
    return { ...this.counts }
  }

  /** Rows come by `onRow`: their records alone do not tell which belong together. */
  add(): void {
    this.stored++
  }

  onRow(row: Row): void {
    if (!('drafts' in row)) return
    this.waiting.push(row)
    this.start()
  }

  async roomy(): Promise<void> {
    while (this.waiting.length > waitingMax) await Promise.race(this.underWay)
    this.check()
  }

  async finish(): Promise<boolean> {
    while (this.underWay.size > 0) await Promise.race(this.underWay)
    this.check()
    return true
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
  }

  private start(): void {
    while (this.underWay.size < underWayMax) {
      const row = this.waiting.shift()
      if (row === undefined) return
      const work = this.compare(row)
        .catch((thrown: unknown) => {
          this.failure ??= thrown
          this.waiting.splice(0)
        })
        .then(() => {
          this.underWay.delete(work)
          this.start()
        })
      this.underWay.add(work)
    }
  }

  private async compare(row: MappedRow): Promise<void> {
    const profile = await this.ask(row.key)
    const merged = await this.countMerged(row, profile)
    this.counts.merged += merged
    if (profile === undefined) this.counts.new++
    else if (merged > 0 || saysOther(row, profile)) this.counts.changed++
    else this.counts.unchanged++
  }

  /** Links of a row to whom its key is not known as yet. */
  private async countMerged(row: MappedRow, profile: unknown): Promise<number> {
    let merged = 0
    for (const draft of row.drafts) {
      if (draft.kind !== 'link') continue
      const { key, to } = draft
      if (isKnownAs(profile, row.key === key ? to : key)) continue
      // The lower end knows of a link first.
      const lower = row.key === key ? profile : await this.ask(key)
      if (!isKnownAs(lower, to)) merged++
    }
    return merged
  }
}

function isKnownAs(profile: unknown, identifier: Identifier): boolean {
  if (profile === undefined) return false
  const { identifiers, links } = fieldsOf(profile)
  return (
    (Array.isArray(identifiers) && identifiers.includes(identifier)) ||
    listOf(links).some(
      ({ upper, strength, state }) =>
        upper === identifier && strength !== undefined && state !== 'refused',
    )
  )
}

function saysOther(row: MappedRow, profile: unknown): boolean {
  const known = fieldsOf(fieldsOf(profile).traits ?? {})
  return row.drafts.some(
    (draft) =>
      draft.kind === 'traits' &&
      Object.entries(draft.set).some(
        ([name, value]) => !isDeepStrictEqual(fieldsOf(known[name] ?? {}).value, value),
      ),
  )
}

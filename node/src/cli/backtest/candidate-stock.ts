import { type Catalogue, CatalogueFiller } from '../../core/catalogue/catalogue.ts'
import { readPiece } from '../../core/catalogue/stored-catalogue.ts'
import type { Playbook } from '../../core/decision/playbook.ts'
import { keepNewest } from '../../core/keep-newest.ts'
import { catalogueVersionsOf } from '../../playbook/catalogue-versions.ts'
import { compilePlaybook } from '../../playbook/compile-playbook.ts'

/** Candidates kept with the items of some time: a catalogue of a million items takes a gigabyte. */
const keptMax = 2

/** Pieces of the version of a catalogue, as `stored-catalogue.ts` encodes them; undefined: it is gone. */
export type ItemsOf = (hash: string) => Promise<readonly Uint8Array[] | undefined>

/** A candidate with the items of catalogues that playbooks decided by. */
export class CandidateStock {
  private readonly text: string
  private readonly plain: Playbook
  private readonly itemsOf: ItemsOf
  private readonly names: readonly string[]
  private readonly kept = new Map<string, Promise<Playbook | undefined>>()

  /** @param plain the candidate, compiled without items */
  constructor(text: string, plain: Playbook, itemsOf: ItemsOf) {
    this.text = text
    this.plain = plain
    this.itemsOf = itemsOf
    this.names = [...catalogueVersionsOf(text).keys()]
  }

  /**
   * The candidate with the items of that time; undefined where some of its catalogues are not known.
   * @param bound what `catalogueVersionsOf` gave of the playbook that decided
   */
  of(bound: ReadonlyMap<string, string | undefined>): Promise<Playbook | undefined> {
    const { names, kept } = this
    if (!names.every((name) => bound.has(name))) return Promise.resolve(undefined)
    const key = names.map((name) => bound.get(name) ?? '').join(' ')
    let found = kept.get(key)
    if (found === undefined) {
      found = this.stocked(bound)
      kept.set(key, found)
      keepNewest(kept, keptMax)
    }
    return found
  }

  private async stocked(
    bound: ReadonlyMap<string, string | undefined>,
  ): Promise<Playbook | undefined> {
    const catalogues = new Map<string, Catalogue>()
    for (const name of this.names) {
      const hash = bound.get(name)
      // Nothing was imported by then: the playbook's own examples are the items.
      if (hash === undefined) continue
      const pieces = await this.itemsOf(hash)
      if (pieces === undefined) return undefined
      catalogues.set(name, filled(pieces))
    }
    return catalogues.size === 0 ? this.plain : compilePlaybook(this.text, catalogues)
  }
}

function filled(pieces: readonly Uint8Array[]): Catalogue {
  const filler = new CatalogueFiller()
  for (const piece of pieces) for (const item of readPiece(piece)) filler.add(item)
  return filler.finish()
}

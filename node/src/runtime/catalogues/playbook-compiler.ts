import type { Catalogue } from '../../core/catalogue/catalogue.ts'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { Catalogues } from './catalogues.ts'

/** What can be done with the text of a playbook. Implemented by the adapter that reads it. */
export interface PlaybookTexts {
  /**
   * @param catalogues by their names; of those that are missing the playbook's own examples are used
   * Throws or rejects with a `PlaybookError` that has every fault.
   */
  compile(text: string, catalogues: ReadonlyMap<string, Catalogue>): Playbook | Promise<Playbook>
  /** Catalogues that a text declares → the version that it is bound to. */
  catalogueVersionsOf(text: string): ReadonlyMap<string, string | undefined>
  withCatalogueVersions(text: string, versions: ReadonlyMap<string, string>): string
}

/** Compiles playbooks with the catalogues that they are bound to. */
export class PlaybookCompiler {
  private readonly texts: PlaybookTexts
  private readonly catalogues: Catalogues

  constructor(texts: PlaybookTexts, catalogues: Catalogues) {
    this.texts = texts
    this.catalogues = catalogues
  }

  /** Rejects with a `PlaybookError`, or `UNAVAILABLE` where a catalogue cannot be read now. */
  async compile(text: string): Promise<Playbook> {
    const catalogues = new Map<string, Catalogue>()
    for (const [name, version] of this.texts.catalogueVersionsOf(text))
      if (version !== undefined) catalogues.set(name, await this.catalogues.load(version))
    return this.texts.compile(text, catalogues)
  }

  /** The text, with each catalogue that it is not bound to yet bound to the newest version. */
  async bound(text: string): Promise<string> {
    const versions = new Map<string, string>()
    let isChanged = false
    for (const [name, version] of this.texts.catalogueVersionsOf(text)) {
      const wanted = version ?? (await this.catalogues.versions(name))[0]?.hash
      if (wanted === undefined) continue
      versions.set(name, wanted)
      if (version === undefined) isChanged = true
    }
    return isChanged ? this.texts.withCatalogueVersions(text, versions) : text
  }

  /** The text, bound to another version of a catalogue; undefined where it uses none of that name. */
  rebound(text: string, name: string, version: string): string | undefined {
    const bound = this.texts.catalogueVersionsOf(text)
    if (!bound.has(name) || bound.get(name) === version) return undefined
    const versions = new Map<string, string>()
    for (const [other, hash] of bound) if (hash !== undefined) versions.set(other, hash)
    return this.texts.withCatalogueVersions(text, versions.set(name, version))
  }
}

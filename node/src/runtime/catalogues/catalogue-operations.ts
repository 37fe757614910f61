import { Catalogues, type CataloguesDependencies } from './catalogues.ts'
import { PlaybookCompiler, type PlaybookTexts } from './playbook-compiler.ts'

/** What makes a playbook decide. */
interface Publishing {
  readonly active: { readonly text: string } | undefined
  publish(
    text: string,
    request: { readonly by: string; readonly note: string; readonly isTried: boolean },
  ): Promise<{ readonly version: number }>
}

/** What operators do with catalogues, whichever node they ask. */
export class CatalogueOperations {
  private readonly catalogues: Catalogues
  private readonly compiler: PlaybookCompiler
  private readonly registry: () => Publishing

  constructor(catalogues: Catalogues, compiler: PlaybookCompiler, registry: () => Publishing) {
    this.catalogues = catalogues
    this.compiler = compiler
    this.registry = registry
  }

  putPiece(bytes: Uint8Array): Promise<string> {
    return this.catalogues.putPiece(bytes)
  }

  /**
   * Makes a version, and the playbook that uses the catalogue decide by it. Rejects as
   * `Catalogues.put` and publishing do; where publishing fails, the version is there all the same.
   */
  async put(...[list, by]: Parameters<Catalogues['put']>) {
    const made = await this.catalogues.put(list, by)
    const { active } = this.registry()
    const text = active && this.compiler.rebound(active.text, list.name, made.hash)
    if (text === undefined) return made
    const { version } = await this.registry().publish(text, {
      by,
      note: `catalogue ${list.name}, version ${made.version}`,
      isTried: false,
    })
    return { ...made, playbook: version }
  }

  stored(hash: string): Promise<Uint8Array> {
    return this.catalogues.stored(hash)
  }

  versions(name: string): ReturnType<Catalogues['versions']> {
    return this.catalogues.versions(name)
  }
}

/** @param registry asked when a playbook is to be published again */
export function makeCatalogues(
  uses: CataloguesDependencies & { readonly texts: PlaybookTexts },
  registry: () => Publishing,
) {
  const catalogues = new Catalogues(uses)
  const compiler = new PlaybookCompiler(uses.texts, catalogues)
  return { catalogues: new CatalogueOperations(catalogues, compiler, registry), compiler }
}

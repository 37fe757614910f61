import { decode, encode, HalfsecondError, isFields } from '@halfsecond/protocol'
import { type Catalogue, CatalogueFiller } from '../../core/catalogue/catalogue.ts'
import {
  type CatalogueList,
  encodeList,
  readList,
  readPiece,
} from '../../core/catalogue/stored-catalogue.ts'
import { keepNewest } from '../../core/keep-newest.ts'
import type { Clock, Coordination } from '../ports.ts'

/** Catalogues kept in memory besides those that are being loaded: two versions of a few. */
const keptMax = 8

/** Versions that are listed. */
const listedMax = 32

/** Importers that may take a number between a look and a claim before we give up. */
const claimsMax = 20

export interface CataloguesDependencies {
  readonly coordination: Coordination
  readonly clock: Pick<Clock, 'now' | 'soon'>
  /** Content hash, hexadecimal. */
  readonly hash: (content: string | Uint8Array) => string
}

/** A version of a catalogue, as people are told of it. */
export interface CatalogueVersion {
  readonly version: number
  /** Names its content: what a playbook is bound to. */
  readonly hash: string
  readonly items: number
  /** When it was imported, in milliseconds since 1970. */
  readonly at: number
  readonly by: string
}

/**
 * The catalogues of the cluster. A version's content never changes, and which playbook decides by
 * which version stands in the playbook: so they go live together.
 */
export class Catalogues {
  private readonly uses: CataloguesDependencies
  private readonly loaded = new Map<string, Promise<Catalogue>>()

  constructor(uses: CataloguesDependencies) {
    this.uses = uses
  }

  /** Stores some items. Resolves with the hash that they are known by. Rejects with `INVALID`. */
  async putPiece(bytes: Uint8Array): Promise<string> {
    readPiece(bytes)
    const hash = this.uses.hash(bytes)
    await this.uses.coordination.putBlob(hash, bytes)
    return hash
  }

  /**
   * Makes a version of pieces that are stored. Where the newest version is the same, that is it.
   * Rejects with `INVALID` where a piece is missing, or is not what was said.
   */
  async put(list: CatalogueList, by: string): Promise<CatalogueVersion> {
    const { coordination, hash, clock } = this.uses
    const bytes = encodeList(list)
    const named = hash(bytes)
    const catalogue = await this.read(list)
    await coordination.putBlob(named, bytes)
    this.keep(named, Promise.resolve(catalogue))
    for (let attempt = 0; attempt < claimsMax; attempt++) {
      const { versions, revision } = await this.head(list.name)
      const [newest] = versions
      if (newest?.hash === named) return newest
      const version = (newest?.version ?? 0) + 1
      const made = { version, hash: named, items: list.items, at: clock.now(), by }
      const value = encode({ versions: [made, ...versions].slice(0, listedMax) })
      if (await coordination.compareAndSet(this.keyOf(list.name), value, revision)) return made
    }
    throw new HalfsecondError('UNAVAILABLE', 'others import this catalogue now: try again')
  }

  /** The newest first, at most some. Rejects with `UNAVAILABLE`. */
  async versions(name: string): Promise<readonly CatalogueVersion[]> {
    return (await this.head(name)).versions
  }

  /** The items of a version, by its hash. Rejects with `UNAVAILABLE`. */
  load(hash: string): Promise<Catalogue> {
    const known = this.loaded.get(hash)
    if (known !== undefined) return known
    const loading = this.fetch(hash)
    this.keep(hash, loading)
    loading.catch(() => this.loaded.delete(hash))
    return loading
  }

  /**
   * The bytes of a piece, or of the list of them that a version is known by. Rejects with `INVALID`
   * where there are none.
   */
  async stored(hash: string): Promise<Uint8Array> {
    const bytes = await this.uses.coordination.blob(hash)
    if (bytes !== undefined) return bytes
    throw new HalfsecondError('INVALID', `nothing of a catalogue is stored as ${hash}`)
  }

  private keep(hash: string, catalogue: Promise<Catalogue>): void {
    this.loaded.set(hash, catalogue)
    keepNewest(this.loaded, keptMax)
  }

  private async fetch(hash: string): Promise<Catalogue> {
    const bytes = await this.uses.coordination.blob(hash)
    if (bytes === undefined)
      throw new HalfsecondError('UNAVAILABLE', `catalogue ${hash} is nowhere: import it again`)
    return this.read(readList(decode(bytes)))
  }

  private async read({ items, pieces, name }: CatalogueList): Promise<Catalogue> {
    const { coordination, clock } = this.uses
    const filler = new CatalogueFiller()
    for (const hash of pieces) {
      const bytes = await coordination.blob(hash)
      if (bytes === undefined)
        throw new HalfsecondError('INVALID', `a piece of ${name} is missing: import it again`)
      for (const item of readPiece(bytes)) filler.add(item)
      // Blobs may be at hand at once: whoever waits for an answer comes in between.
      await new Promise<void>((resolve) => clock.soon(resolve))
    }
    const catalogue = filler.finish()
    if (catalogue.items.length === items) return catalogue
    const found = catalogue.items.length
    throw new HalfsecondError('INVALID', `${name} has ${found} different items, not ${items}`)
  }

  private async head(
    name: string,
  ): Promise<{ versions: readonly CatalogueVersion[]; revision: number }> {
    const found = await this.uses.coordination.get(this.keyOf(name))
    const value = found === undefined ? undefined : decode(found.value)
    const versions = isFields(value) && Array.isArray(value.versions) ? value.versions : []
    return { versions: versions.filter(isVersion), revision: found?.revision ?? 0 }
  }

  /** No text of users becomes a key. */
  private keyOf(name: string): string {
    return `catalogue.${this.uses.hash(name).slice(0, 32)}`
  }
}

function isVersion(value: unknown): value is CatalogueVersion {
  return (
    isFields(value) &&
    typeof value.version === 'number' &&
    typeof value.hash === 'string' &&
    typeof value.items === 'number' &&
    typeof value.at === 'number' &&
    typeof value.by === 'string'
  )
}

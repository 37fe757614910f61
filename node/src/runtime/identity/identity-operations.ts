import type { Client } from '@halfsecond/client'
import { HalfsecondError, identifierIn } from '@halfsecond/protocol'
import { isLinkUnder } from '../../core/identity/plan.ts'
import {
  configurationOf,
  type IdentityConfiguration,
  identityText,
} from '../../core/identity/rules.ts'
import type { ReadRequest } from '../reads.ts'
import type { IdentityRegistry, IdentityVersion } from './identity-registry.ts'
import { linesIn } from './lines.ts'

/** What a revert writes is known by its source. */
const revertSource = 'identity-revert'

/** Unlinks on their way at a time: they go out in few batches, and a queue has room for them. */
const actsAtOnce = 256

/** Profiles and links that a plan lists, the first: all are counted. */
const listedMax = 1_000

export interface IdentityOperationsDependencies {
  readonly registry: IdentityRegistry
  /** Answers from whichever node holds the shard, or leads it. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
  /** Number of shards. */
  readonly shards: number
  readonly client: () => Pick<Client, 'record'>
  /** Wall clock. */
  readonly now: () => number
  /** Throws a `PlaybookError` for a text that is no identity configuration, or moves a namespace. */
  readonly parse: (text: string, before: IdentityConfiguration) => IdentityConfiguration
}

/** Exactly what a configuration would change. */
export interface IdentityPlan {
  readonly identity: string
  /** The version that it would follow. */
  readonly base: number
  /** Whether it says what holds already. */
  readonly isSame: boolean
  /** Profiles that would change, and the first of them: `ProfileChange`. */
  readonly changing: number
  readonly changes: readonly unknown[]
}

export interface IdentityApplied extends IdentityPlan {
  readonly version: number
}

export interface IdentityReverted {
  readonly version: number
  readonly identity: string
  /** Links that were told under a newer configuration, and the first of them. */
  readonly unlinking: number
  readonly unlinked: readonly unknown[]
}

/** What operators do with identity configurations, whichever node they ask. */
export class IdentityOperations {
  private readonly uses: IdentityOperationsDependencies

  constructor(uses: IdentityOperationsDependencies) {
    this.uses = uses
  }

  get current(): IdentityVersion {
    return this.uses.registry.current
  }

  versions(): Promise<readonly IdentityVersion[]> {
    return this.uses.registry.versions()
  }

  /** Rejects with a `PlaybookError` that lists every fault, or with `UNAVAILABLE`. */
  async plan(text: string): Promise<IdentityPlan> {
    const { registry } = this.uses
    await registry.refresh()
    return this.planOf(this.uses.parse(text, registry.configuration))
  }

  /**
   * Makes a configuration the one that holds, on every shard, durably; then each profile that the
   * plan listed is judged by it. A text that holds already gets no number, but what was cut off
   * before is completed. Rejects as `plan`, and with `INVALID` or `TIMEOUT` as the registry does.
   */
  async apply(text: string, by: string): Promise<IdentityApplied> {
    const { registry } = this.uses
    await registry.refresh()
    const configuration = this.uses.parse(text, registry.configuration)
    const plan = await this.planOf(configuration)
    const next = { text: identityText(configuration), by }
    const { version } = plan.isSame
      ? await registry.complete()
      : await registry.add(plan.base, next)
    const { total, listed } = await this.collect((shard) => ({
      what: 'identityJudge',
      shard,
      version,
    }))
    return { ...plan, version, changing: total, changes: listed }
  }

  /** What `revert` would do. Rejects with `INVALID` where there is no such version. */
  async planRevert(version: number): Promise<IdentityReverted> {
    const { identity } = await this.earlier(version)
    const { total, listed } = await this.collect((shard) => linksUnder(shard, version))
    const next = this.current.version + 1
    return { version: next, identity, unlinking: total, unlinked: listed }
  }

  /**
   * Takes up the rules of an earlier version again, under a new number, and unlinks what was linked
   * since. Namespaces that came later stay, with the rules that they had last. Rejects as `apply`.
   */
  async revert(version: number, by: string): Promise<IdentityReverted> {
    const { registry } = this.uses
    const target = await this.earlier(version)
    const configuration = takeUp(configurationOf(target.text), registry.configuration)
    const base = registry.current.version
    const made = { text: identityText(configuration), by, reverts: version }
    const { version: next, identity } = await registry.add(base, made)
    const { total, listed } = await this.collect(
      (shard) => linksUnder(shard, version),
      (link) => this.unlink(link),
    )
    return { version: next, identity, unlinking: total, unlinked: listed }
  }

  private async earlier(version: number): Promise<IdentityVersion> {
    const { registry } = this.uses
    await registry.refresh()
    const { version: last } = registry.current
    const found = version < last ? await registry.at(version) : undefined
    if (found) return found
    throw new HalfsecondError(
      'INVALID',
      last === 0
        ? 'nothing to revert: no identity configuration was ever applied'
        : `a version before the present one is a number from 0 to ${last - 1}`,
    )
  }

  private async planOf(configuration: IdentityConfiguration): Promise<IdentityPlan> {
    const { version: base, text: present } = this.current
    const text = identityText(configuration)
    const { total, listed } = await this.collect((shard) => ({ what: 'identityPlan', shard, text }))
    const { identity } = configuration
    return { identity, base, isSame: text === present, changing: total, changes: listed }
  }

  /** Asks every shard; counts all that they answer, keeps the first, and does something with each. */
  private async collect(
    request: (shard: number) => ReadRequest,
    act: (one: unknown) => Promise<unknown> = async () => {},
  ): Promise<{ readonly total: number; readonly listed: readonly unknown[] }> {
    let total = 0
    const listed: unknown[] = []
    let acts: Promise<unknown>[] = []
    for (let shard = 0; shard < this.uses.shards; shard++) {
      for await (const one of linesIn(this.uses.read(request(shard)))) {
        total++
        if (listed.length < listedMax) listed.push(one)
        acts.push(act(one))
        if (acts.length < actsAtOnce) continue
        await Promise.all(acts)
        acts = []
      }
    }
    await Promise.all(acts)
    return { total, listed }
  }

  /** Later than the link, whatever this node's clock says: the last word counts. */
  private async unlink(link: unknown): Promise<void> {
    if (!isLinkUnder(link))
      throw new HalfsecondError('MALFORMED', 'another node lists links in a form of its own')
    const key = identifierIn(link.lower)
    const to = identifierIn(link.upper)
    const record = { kind: 'unlink', key, to, source: revertSource } as const
    await this.uses.client().record(record, { at: Math.max(this.uses.now(), link.at + 1) })
  }
}

function linksUnder(shard: number, version: number): ReadRequest {
  return { what: 'identityLinks', shard, version }
}

/** A configuration with all namespaces that are in use now: none loses its place. */
function takeUp(
  earlier: IdentityConfiguration,
  present: IdentityConfiguration,
): IdentityConfiguration {
  const known = new Set(earlier.namespaces.map(({ name }) => name))
  const later = present.namespaces.filter(({ name }) => !known.has(name))
  return { ...earlier, namespaces: [...earlier.namespaces, ...later].toSorted(byName) }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}

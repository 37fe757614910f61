import { type FragmentId, HalfsecondError } from '@halfsecond/protocol'
import type { Fragment } from '../../core/fragment/fragment.ts'
import {
  changeOf,
  type LinkUnder,
  linksUnder,
  type ProfileChange,
} from '../../core/identity/plan.ts'
import { rulesOf } from '../../core/identity/rules.ts'
import type { Profiles } from '../profiles.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'
import type { IdentityRegistry } from './identity-registry.ts'
import { type Pulse, pulse, pulseEvery } from './pulse.ts'

/** Profiles that one record batch tells to judge themselves. */
const judgedAtOnce = 256

/** What is asked of whoever holds a shard, about recognition. */
export type IdentityRead =
  /** The profiles that the rules of this text would change: `ProfileChange`. */
  | { readonly what: 'identityPlan'; readonly shard: number; readonly text: string }
  /** Has those judged that the active rules change, if they are of this version: `ProfileChange`. */
  | { readonly what: 'identityJudge'; readonly shard: number; readonly version: number }
  /** The links that were told under a newer configuration: `LinkUnder`. */
  | { readonly what: 'identityLinks'; readonly shard: number; readonly version: number }

interface Judged {
  readonly id: FragmentId
  readonly change: ProfileChange
}

export interface IdentityReadsDependencies {
  readonly registry: IdentityRegistry
  readonly profiles: Profiles
  /** By number; undefined for those that other nodes hold. */
  readonly shards: readonly (Shard | undefined)[]
  /** The primaries that lead now. */
  readonly leaders: () => readonly Primary[]
}

/** Looks through the fragments of a shard that this node holds. */
export class IdentityReads {
  private readonly uses: IdentityReadsDependencies

  constructor(uses: IdentityReadsDependencies) {
    this.uses = uses
  }

  /** Rejects with `MOVED` where the shard is not here, or another node leads what is to be written. */
  read(request: IdentityRead): AsyncIterable<ProfileChange | LinkUnder | Pulse> {
    switch (request.what) {
      case 'identityPlan':
        return this.changes(request.shard, request.text)
      case 'identityJudge':
        return this.judged(request.shard, request.version)
      case 'identityLinks':
        return this.links(request.shard, request.version)
    }
  }

  private changes(shard: number, text: string): AsyncIterable<ProfileChange | Pulse> {
    const rules = rulesOf(text, 0)
    return this.each(shard, (fragment) => changeOf(fragment, rules))
  }

  /**
   * The records go out before the changes are told, so whoever was told of all knows that all are
   * on their way. Asked again, it lists what is left.
   */
  private async *judged(number: number, version: number): AsyncGenerator<ProfileChange | Pulse> {
    const primary = await this.primaryBy(number, version)
    const rules = this.uses.shards[number]?.state.identity.rules
    if (rules === undefined) return
    const changed = this.each(number, (fragment) => {
      const change = changeOf(fragment, rules)
      return change && { id: fragment.identifier, change }
    })
    let some: Judged[] = []
    for await (const one of changed) {
      if (one === pulse) {
        yield pulse
        continue
      }
      some.push(one)
      if (some.length < judgedAtOnce) continue
      await primary.judge(some.map(({ id }) => id))
      yield* some.map(({ change }) => change)
      some = []
    }
    if (some.length > 0) await primary.judge(some.map(({ id }) => id))
    yield* some.map(({ change }) => change)
  }

  private async *links(shard: number, version: number): AsyncGenerator<LinkUnder | Pulse> {
    const all = this.each(shard, (fragment) => {
      const links = linksUnder(fragment, version)
      return links.length > 0 ? links : undefined
    })
    for await (const links of all) {
      if (links === pulse) yield pulse
      else yield* links
    }
  }

  /** What is seen of each fragment of a shard; and a pulse now and then. */
  private each<V>(
    shard: number,
    view: (fragment: Fragment) => V | undefined,
  ): AsyncIterable<V | Pulse> {
    let seen = 0
    return this.uses.profiles.each<V | Pulse>(
      shard,
      (fragment) => view(fragment) ?? (++seen % pulseEvery === 0 ? pulse : undefined),
    )
  }

  private async primaryBy(number: number, version: number): Promise<Primary> {
    const { leaders, registry } = this.uses
    const primary = leaders().find((one) => one.number === number)
    if (primary === undefined)
      throw new HalfsecondError('MOVED', `this node does not lead shard ${number}`)
    if (primary.identity < version) await registry.refresh()
    if (primary.identity < version)
      throw new HalfsecondError(
        'UNAVAILABLE',
        `shard ${number} does not recognise by version ${version} yet: apply it again`,
      )
    return primary
  }
}

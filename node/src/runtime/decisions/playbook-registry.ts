import { decode, encode, HalfsecondError, isFields, toHalfsecondError } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { ActivePlaybook } from '../node-api.ts'
import type { Clock, Coordination, Observer } from '../ports.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'
import type { Playbooks } from './playbooks.ts'

export interface RegistryDependencies {
  readonly coordination: Coordination
  readonly shards: readonly Shard[]
  readonly primaries: readonly Primary[]
  readonly playbooks: Playbooks
  readonly clock: Clock
  readonly observer: Observer
  /** Throws a `PlaybookError` for a text that is no playbook. */
  readonly compile: (text: string) => Playbook
  /** Content hash of a text, hexadecimal. */
  readonly hash: (text: string) => string
}

/** Version numbers that publishers may take between a look and a claim before we give up. */
const claimsMax = 100

/**
 * Numbers playbooks, keeps their texts, and makes each shard decide by the newest.
 *
 * R1 a number belongs to one text for ever: it is claimed by compare-and-set.
 * R2 a version decides once a record of it is in the shard's log; an activation that was cut off is
 *    completed at the next start.
 */
export class PlaybookRegistry {
  private readonly uses: RegistryDependencies
  private current: (ActivePlaybook & { readonly text: string }) | undefined
  /** Versions whose text is being fetched. */
  private readonly loading = new Map<number, Promise<void>>()

  constructor(uses: RegistryDependencies) {
    this.uses = uses
    for (const shard of uses.shards) shard.onOwn = () => void this.prepare(shard)
  }

  /** The newest version that any shard decides by. */
  get active(): (ActivePlaybook & { readonly text: string }) | undefined {
    return this.current
  }

  /** Loads what the shards decide by, and completes an activation that was cut off. */
  async start(): Promise<void> {
    await Promise.all(this.uses.shards.map((shard) => this.prepare(shard)))
    const newest = await this.newestClaim()
    if (newest === undefined) return
    if (this.uses.shards.some(({ state }) => state.playbook.version < newest.version))
      await this.activate(newest.version, newest.hash)
  }

  /** Resolves once every shard decides by it. */
  async publish(text: string): Promise<ActivePlaybook> {
    const { compile, coordination } = this.uses
    const playbook = compile(text)
    const hash = this.uses.hash(text)
    await coordination.putBlob(hash, Buffer.from(text))
    const version = await this.claim(hash)
    this.add(version, hash, playbook, text)
    await this.activate(version, hash)
    return { version, hash, name: playbook.name }
  }

  private async claim(hash: string): Promise<number> {
    let version = this.highestVersion() + 1
    const value = encode({ hash, at: this.uses.clock.now() })
    for (let attempt = 0; attempt < claimsMax; attempt++, version++) {
      if (await this.uses.coordination.compareAndSet(claimKey(version), value, 0)) return version
    }
    throw new HalfsecondError('UNAVAILABLE', 'other playbooks are being published: try again')
  }

  private async newestClaim(): Promise<{ version: number; hash: string } | undefined> {
    let newest: { version: number; hash: string } | undefined
    for (let version = Math.max(1, this.highestVersion()); ; version++) {
      const claimed = await this.uses.coordination.get(claimKey(version))
      if (claimed === undefined) return newest
      const value = decode(claimed.value)
      if (isFields(value) && typeof value.hash === 'string') newest = { version, hash: value.hash }
    }
  }

  private async activate(version: number, hash: string): Promise<void> {
    const { primaries } = this.uses
    await Promise.all(primaries.map((primary) => primary.activate(version, hash)))
    this.uses.observer.playbookActivated(version)
  }

  private highestVersion(): number {
    return this.uses.shards.reduce((most, { state }) => Math.max(most, state.playbook.version), 0)
  }

  /** Makes the version that a shard decides by usable; until then it decides by the one before. */
  private async prepare(shard: Shard): Promise<void> {
    const { version, hash } = shard.state.playbook
    if (version === 0) return
    try {
      if (!this.uses.playbooks.has(version)) await this.load(version, hash)
      shard.wants(this.uses.playbooks.at(version)?.playbook.features ?? null)
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot load playbook ${version}`)
      this.uses.observer.failed('playbook', failure)
    }
  }

  private load(version: number, hash: string): Promise<void> {
    const loading = this.loading.get(version) ?? this.fetch(version, hash)
    this.loading.set(version, loading)
    return loading.finally(() => this.loading.delete(version))
  }

  private async fetch(version: number, hash: string): Promise<void> {
    const bytes = await this.uses.coordination.blob(hash)
    if (bytes === undefined)
      throw new HalfsecondError('UNAVAILABLE', `playbook ${version} is nowhere: publish it again`)
    const text = Buffer.from(bytes).toString()
    this.add(version, hash, this.uses.compile(text), text)
  }

  private add(version: number, hash: string, playbook: Playbook, text: string): void {
    this.uses.playbooks.add(version, playbook)
    if (version > (this.current?.version ?? 0))
      this.current = { version, hash, name: playbook.name, text }
  }
}

function claimKey(version: number): string {
  return `playbook.${version}`
}

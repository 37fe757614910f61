import { type ConsentMode, HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { ActivePlaybook } from '../node-api.ts'
import type { Clock, Coordination, Observer, Timer } from '../ports.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'
import type { Playbooks } from './playbooks.ts'
import { encodeClaim, type PlaybookVersion, readClaim } from './publication.ts'
import type { StagedPlaybooks } from './staged-playbooks.ts'

export interface RegistryDependencies {
  readonly coordination: Coordination
  /** The shards that this node holds now. */
  readonly shards: readonly Shard[]
  /** The primaries that lead now. */
  readonly leaders: () => readonly Primary[]
  /** Tells the other nodes what this one has heard of. */
  readonly tell: () => void
  /** Called when a newer version asks something else of clients. */
  readonly onConsent: () => void
  /** The oldest version that a shard of any other node decides by. */
  readonly oldestElsewhere: () => number
  readonly playbooks: Playbooks
  readonly clock: Clock
  readonly observer: Observer
  readonly staged: StagedPlaybooks
}

/** How often a node looks for versions that nobody told it of. */
const lookMs = 2_000

/** How long a publisher waits for every shard, and between two looks. */
const activationMs = 5_000
const activationLookMs = 10

/** Versions that are listed, the newest: each is a request to the coordination. */
export const versionsListed = 50

/** Version numbers that publishers may take between a look and a claim before we give up. */
const claimsMax = 100

/**
 * Numbers playbooks, keeps their texts, and makes each shard decide by the newest.
 *
 * R1 a number belongs to one text for ever: it is claimed by compare-and-set.
 * R2 a version decides once a record of it is in the shard's log. Every node writes it to the
 *    shards that it leads as soon as it hears of the version, and looks for unheard ones again and
 *    again: so an activation that was cut off is completed.
 */
export class PlaybookRegistry {
  private readonly uses: RegistryDependencies
  private current: (ActivePlaybook & { readonly text: string }) | undefined
  /** What the newest version asks of clients; undefined while there is none. */
  consent: ConsentMode | undefined
  /** Versions whose text is being fetched. */
  private readonly loading = new Map<number, Promise<void>>()

  private announced = { version: 0, hash: '' }
  /** Why a version could not be loaded or activated last. */
  private failure = ''
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: RegistryDependencies) {
    this.uses = uses
  }

  /** A shard came to be held. */
  hold(shard: Shard): void {
    shard.onOwn = () => void this.prepare(shard)
    void this.prepare(shard)
  }

  /** The newest version that this node has heard of, and the oldest that a shard of it decides by. */
  get told(): { readonly newest: number; readonly hash: string; readonly active: number } {
    const { version, hash } = this.announced
    const active = this.uses.shards.reduce(
      (least, { status, state }) =>
        status === 'following' ? Math.min(least, state.playbook.version) : least,
      version,
    )
    return { newest: version, hash, active }
  }

  /** Another node has heard of a version. */
  heard(version: number, hash: string): void {
    if (version <= this.announced.version) return
    this.announced = { version, hash }
    void this.activate()
  }

  /** The newest version that any shard decides by. */
  get active(): (ActivePlaybook & { readonly text: string }) | undefined {
    return this.current
  }

  /** Loads what the shards decide by, and completes an activation that was cut off. */
  async start(): Promise<void> {
    await Promise.all(this.uses.shards.map((shard) => this.prepare(shard)))
    await this.look()
    if (this.uses.coordination.isShared) this.schedule()
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  /**
   * Gives a text the next number, and makes it the one that decides. Its blob is there already.
   * Resolves once every shard decides by it; rejects with `TIMEOUT` where some do not yet: they will.
   */
  async add(
    text: string,
    playbook: Playbook,
    made: Omit<PlaybookVersion, 'version'>,
  ): Promise<ActivePlaybook> {
    const { hash } = made
    const version = await this.claim(made)
    this.take(version, hash, playbook, text)
    this.announced = { version, hash }
    await this.activate()
    await this.decidedBy(version)
    return { version, hash, name: playbook.name }
  }

  /** The newest versions, latest first. Rejects with `UNAVAILABLE`. */
  async versions(): Promise<readonly PlaybookVersion[]> {
    await this.look()
    const versions: PlaybookVersion[] = []
    for (let version = this.highestVersion(); version > 0; version--) {
      if (versions.length === versionsListed) break
      const one = await this.versionAt(version)
      if (one) versions.push(one)
    }
    return versions
  }

  async versionAt(version: number): Promise<PlaybookVersion | undefined> {
    const claimed = await this.uses.coordination.get(claimKey(version))
    return claimed && readClaim(version, claimed.value)
  }

  /** Why this node cannot decide by the newest version, in words; empty where it can. */
  get problem(): string {
    const { version } = this.announced
    if (this.failure === '' || this.uses.playbooks.has(version)) return ''
    const active = this.current === undefined ? 'none' : `version ${this.current.version}`
    return `playbook ${version} cannot be had here, ${active} decides: ${this.failure}`
  }

  /** Writes the newest version to the logs that this node leads and that lack it. Never rejects. */
  async activate(): Promise<void> {
    const { leaders, observer, playbooks, tell } = this.uses
    const { version, hash } = this.announced
    if (version === 0) return
    try {
      if (!playbooks.has(version)) await this.load(version, hash)
      const behind = leaders().filter((primary) => primary.playbook < version)
      if (behind.length === 0) return
      await Promise.all(behind.map((primary) => primary.activate(version, hash)))
      observer.playbookActivated(version)
      tell()
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot activate ${version}`)
      this.failure = failure.message
      observer.failed('playbook', failure)
    }
  }

  private async decidedBy(version: number): Promise<void> {
    const { clock } = this.uses
    const end = clock.monotonic() + activationMs
    const isDone = () => this.told.active >= version && this.uses.oldestElsewhere() >= version
    while (!isDone()) {
      if (clock.monotonic() > end)
        throw new HalfsecondError(
          'TIMEOUT',
          `playbook ${version} is published, but some shards decide by an older one yet: see halfsecond status`,
        )
      await new Promise<void>((resolve) => clock.after(activationLookMs, resolve))
    }
  }

  private schedule(): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(lookMs, () => {
      void this.look()
        .catch(() => undefined) // The coordination is away; the next look will tell.
        .then(() => this.schedule())
    })
  }

  private async look(): Promise<void> {
    const newest = await this.newestClaim()
    if (newest && newest.version > this.announced.version) {
      const { version, hash } = newest
      this.announced = { version, hash }
    }
    const isBehind = ({ state }: Shard) => state.playbook.version < this.announced.version
    const isUnknown = !this.uses.playbooks.has(this.announced.version)
    if (this.uses.shards.some(isBehind) || isUnknown) await this.activate()
  }

  private async claim(made: Omit<PlaybookVersion, 'version'>): Promise<number> {
    let version = this.highestVersion() + 1
    const value = encodeClaim(made)
    for (let attempt = 0; attempt < claimsMax; attempt++, version++) {
      if (await this.uses.coordination.compareAndSet(claimKey(version), value, 0)) return version
    }
    throw new HalfsecondError('UNAVAILABLE', 'other playbooks are being published: try again')
  }

  private async newestClaim(): Promise<{ version: number; hash: string } | undefined> {
    let newest: { version: number; hash: string } | undefined
    for (let version = Math.max(1, this.highestVersion() + 1); ; version++) {
      const claimed = await this.uses.coordination.get(claimKey(version))
      if (claimed === undefined) return newest
      newest = readClaim(version, claimed.value) ?? newest
    }
  }

  private highestVersion(): number {
    return this.uses.shards.reduce(
      (most, { state }) => Math.max(most, state.playbook.version),
      this.announced.version,
    )
  }

  /** Makes the version that a shard decides by usable; until then it decides by the one before. */
  private async prepare(shard: Shard): Promise<void> {
    const { version, hash } = shard.state.playbook
    if (version === 0) return
    if (version > this.announced.version) this.announced = { version, hash }
    try {
      if (!this.uses.playbooks.has(version)) await this.load(version, hash)
      shard.wants(this.uses.playbooks.at(version)?.playbook.features ?? null)
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot load playbook ${version}`)
      this.failure = failure.message
      this.uses.observer.failed('playbook', failure)
    }
  }

  private load(version: number, hash: string): Promise<void> {
    const loading = this.loading.get(version) ?? this.fetch(version, hash)
    this.loading.set(version, loading)
    return loading.finally(() => this.loading.delete(version))
  }

  private async fetch(version: number, hash: string): Promise<void> {
    const { playbook, text } = await this.uses.staged.get(hash)
    this.take(version, hash, playbook, text)
  }

  private take(version: number, hash: string, playbook: Playbook, text: string): void {
    const inUse = new Set(this.uses.shards.map(({ state }) => state.playbook.version))
    this.uses.playbooks.add(version, playbook, inUse)
    if (version <= (this.current?.version ?? 0)) return
    this.current = { version, hash, name: playbook.name, text }
    if (playbook.consent === this.consent) return
    this.consent = playbook.consent
    this.uses.onConsent()
  }
}

/** Where it is written down whose text a number is of: `{hash, at}`. */
export function claimKey(version: number): string {
  return `playbook.${version}`
}

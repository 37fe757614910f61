import {
  decode,
  encode,
  HalfsecondError,
  isFields,
  type Namespace,
  toHalfsecondError,
} from '@halfsecond/protocol'
import {
  builtInConfiguration,
  configurationOf,
  type IdentityConfiguration,
  namespacesForMap,
} from '../../core/identity/rules.ts'
import type { Clock, Coordination, Observer, Timer } from '../ports.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'

export interface IdentityRegistryDependencies {
  readonly coordination: Coordination
  /** The shards that this node holds now. */
  readonly shards: readonly Shard[]
  /** The primaries that lead now. */
  readonly leaders: () => readonly Primary[]
  /** Tells the other nodes what this one has heard of. */
  readonly tell: () => void
  /** The oldest version that a shard of any other node recognises by. */
  readonly oldestElsewhere: () => number
  readonly clock: Clock
  readonly observer: Observer
}

/** One version of the identity configuration, and who made it. */
export interface IdentityVersion {
  readonly version: number
  readonly identity: string
  /** What `identityText` made. */
  readonly text: string
  readonly by: string
  /** In milliseconds since 1970. */
  readonly at: number
  /** The version whose rules it takes up again; undefined for one that came from a file. */
  readonly reverts?: number | undefined
}

/** How often a node looks for versions that nobody told it of. */
const lookMs = 2_000

/** How long whoever applies a version waits for every shard, and between two looks. */
const activationMs = 5_000
const activationLookMs = 10

/** Versions that are listed, the newest: each is a request to the coordination. */
export const versionsListed = 50

/**
 * Numbers identity configurations, and makes each shard recognise by the newest. The text travels in
 * the shards' logs, so that their fold has it at once; here it is kept for the next version.
 *
 * I1 a number belongs to one text for ever: it is claimed by compare-and-set, by whoever saw all
 *    before it.
 * I2 a version holds once a record of it is in the shard's log. Every node writes it to the shards
 *    that it leads and that lack it, again and again: so an activation that was cut off is completed.
 */
export class IdentityRegistry {
  private readonly uses: IdentityRegistryDependencies
  private newest: IdentityVersion = {
    version: 0,
    identity: builtInConfiguration.identity,
    text: '',
    by: '',
    at: 0,
  }
  /** What the newest version adds to what clients know. */
  private namespaces: readonly Namespace[] = []
  private looking: Promise<void> | undefined
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: IdentityRegistryDependencies) {
    this.uses = uses
  }

  /** The newest version that is known here. */
  get current(): IdentityVersion {
    return this.newest
  }

  get configuration(): IdentityConfiguration {
    return configurationOf(this.newest.text)
  }

  /** The newest version that this node has heard of, and the oldest that a shard of it recognises by. */
  get told(): { readonly newest: number; readonly active: number } {
    const { version } = this.newest
    const active = this.uses.shards.reduce(
      (least, { status, state }) =>
        status === 'following' ? Math.min(least, state.identity.version) : least,
      version,
    )
    return { newest: version, active }
  }

  /**
   * What clients may send now: every shard takes it. Undefined while a shard does not yet, or before
   * this node knows.
   */
  get offered(): readonly Namespace[] | undefined {
    return this.isComplete(this.newest.version) ? this.namespaces : undefined
  }

  /** Another node has heard of a version. */
  heard(version: number): void {
    if (version > this.newest.version) void this.look().catch(() => undefined)
  }

  /** Learns the newest version, and completes an activation that was cut off. */
  async start(): Promise<void> {
    await this.look()
    if (this.uses.coordination.isShared) this.schedule()
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  /**
   * Makes this the next version after `base`. Resolves once every shard recognises by it.
   * Rejects with `INVALID` where another version came in between, with `TIMEOUT` where some shards
   * lag: then they will.
   */
  async add(
    base: number,
    made: Pick<IdentityVersion, 'text' | 'by' | 'reverts'>,
  ): Promise<IdentityVersion> {
    const { clock, coordination } = this.uses
    const version = base + 1
    const value = { ...made, at: clock.now() }
    if (!(await coordination.compareAndSet(versionKey(version), encodeVersion(value), 0))) {
      await this.look()
      throw new HalfsecondError(
        'INVALID',
        `version ${version} was applied by somebody else meanwhile: plan again`,
      )
    }
    const { identity } = configurationOf(made.text)
    this.take({ ...value, version, identity })
    return this.complete()
  }

  /** Learns of versions that others applied. Rejects with `UNAVAILABLE`. */
  refresh(): Promise<void> {
    return this.look()
  }

  /** Resolves once every shard recognises by the newest version; rejects with `TIMEOUT`. */
  async complete(): Promise<IdentityVersion> {
    await this.activate()
    await this.untilComplete(this.newest.version)
    return this.newest
  }

  /** The newest versions, latest first. Rejects with `UNAVAILABLE`. */
  async versions(): Promise<readonly IdentityVersion[]> {
    await this.look()
    const { version: last } = this.newest
    const versions: IdentityVersion[] = []
    for (let version = last; version > Math.max(0, last - versionsListed); version--) {
      const found = await this.at(version)
      if (found) versions.push(found)
    }
    return versions
  }

  /** One version; undefined where there is none of the number. Version 0 is the built-in rules. */
  async at(version: number): Promise<IdentityVersion | undefined> {
    if (version === 0)
      return { version, identity: builtInConfiguration.identity, text: '', by: '', at: 0 }
    const claimed = await this.uses.coordination.get(versionKey(version))
    return claimed && readVersion(version, claimed.value)
  }

  /** Writes the newest version to the logs that this node leads and that lack it. Never rejects. */
  async activate(): Promise<void> {
    const { leaders, observer, tell } = this.uses
    const { version, text } = this.newest
    try {
      const behind = leaders().filter((primary) => primary.identity < version)
      if (behind.length === 0) return
      await Promise.all(behind.map((primary) => primary.recogniseBy(version, text)))
      observer.noted('info', `recognises by identity configuration ${version}`)
      tell()
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot activate ${version}`)
      observer.failed('identity', failure)
    }
  }

  private take(newer: IdentityVersion): void {
    if (newer.version <= this.newest.version) return
    this.newest = newer
    this.namespaces = namespacesForMap(configurationOf(newer.text))
  }

  private isComplete(version: number): boolean {
    return this.told.active >= version && this.uses.oldestElsewhere() >= version
  }

  private async untilComplete(version: number): Promise<void> {
    const { clock } = this.uses
    const end = clock.monotonic() + activationMs
    while (!this.isComplete(version)) {
      if (clock.monotonic() > end)
        throw new HalfsecondError(
          'TIMEOUT',
          `version ${version} is applied, but some shards recognise by an older one yet: apply the same file again, to complete it`,
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

  /** Reads what is newer than what is known, and activates it here. */
  private look(): Promise<void> {
    this.looking ??= this.read().finally(() => {
      this.looking = undefined
    })
    return this.looking
  }

  private async read(): Promise<void> {
    for (;;) {
      const next = await this.at(this.newest.version + 1)
      if (next === undefined) break
      this.take(next)
    }
    await this.activate()
  }
}

function versionKey(version: number): string {
  return `identity.${version}`
}

function encodeVersion(made: Pick<IdentityVersion, 'text' | 'by' | 'at' | 'reverts'>): Uint8Array {
  const { text, by, at, reverts } = made
  return encode({ v: 1, text, by, at, ...(reverts !== undefined && { reverts }) })
}

/** @throws HalfsecondError `MALFORMED` for what no node of this version wrote */
function readVersion(version: number, bytes: Uint8Array): IdentityVersion {
  const value = decode(bytes)
  if (isFields(value)) {
    const { text, by, at, reverts } = value
    if (typeof text === 'string' && typeof by === 'string' && typeof at === 'number') {
      const { identity } = configurationOf(text)
      const found = { version, identity, text, by, at }
      return typeof reverts === 'number' ? { ...found, reverts } : found
    }
  }
  throw new HalfsecondError('MALFORMED', `identity.${version} is of another version of halfsecond`)
}

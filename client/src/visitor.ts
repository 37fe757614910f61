import {
  compareIdentifiers,
  exportPositions,
  greatest,
  type Identifier,
  namespaceOf,
  type Position,
  type Properties,
} from '@halfsecond/protocol'
import type { Client } from './client.ts'
import type { Decision, Recorded } from './decision.ts'
import {
  checkedCount,
  devicesIn,
  greatestOf,
  type Identifiers,
  toIdentifiers,
} from './identifiers.ts'
import { ignorable } from './ignorable.ts'
import type { KnownProfile } from './known-profile.ts'
import { type LinkOptions, starOf } from './links.ts'
import { type Permission, personalise } from './permission.ts'
import type { NewRecord, RecordOptions } from './recorder.ts'
import { within } from './within.ts'

export interface DecideOptions {
  /** Milliseconds to wait for an answer, at most 2,000. Default: the client's. */
  readonly deadlineMs?: number
  /**
   * Whoever asks is no person, like a crawler: they get default content, and nothing is kept or
   * counted of it.
   */
  readonly isBot?: boolean
}

/**
 * Somebody on this channel: one or more identifiers. Cheap; make one per request.
 *
 * Every recording method returns a promise of the record's position that may be ignored: a failure
 * is counted then, never thrown. Records reach the log in the order of the calls. Of a visitor of a
 * web site who may not be recognised nothing is recorded: then it resolves with undefined.
 */
export class Visitor {
  private readonly client: Client
  private identifiers: readonly Identifier[]
  private readonly imported: readonly Position[]
  /** Undefined where whoever made the visitor answers for that. */
  private readonly permission: Permission | undefined
  private readonly isBot: boolean
  /** A landing that a node checks. */
  private landing: Promise<unknown> | undefined

  /** Made by `client.visitor`, and by the web frameworks with a permission. */
  constructor(
    client: Client,
    identifiers: readonly Identifier[],
    positions: readonly Position[],
    permission?: Permission,
    isBot = false,
  ) {
    this.client = client
    this.identifiers = identifiers
    this.imported = positions
    this.permission = permission
    this.isBot = isBot
  }

  /** Canonical identifiers, like `anon:4hG8`. */
  get known(): readonly string[] {
    return this.identifiers
  }

  /** The identifier that records go to: the greatest. */
  get key(): Identifier {
    return greatestOf(this.identifiers, this.client.namespaces)
  }

  /**
   * Text that tells another server what the log has acknowledged to this one: pass it as `position`
   * when making the visitor there, and its decisions wait for it. Await what you recorded before.
   */
  get position(): string {
    return exportPositions(this.client.positionsOf(this.identifiers, this.imported))
  }

  /** Something happened. */
  track(name: string, properties: Properties = {}, options: RecordOptions = {}): Recorded {
    return this.record({ kind: 'event', key: this.key, name, properties }, options)
  }

  /**
   * This visitor is also known by these identifiers; from now on its records go to the greatest of
   * all. Traits, if given, are set there; null removes one. Resolves when all of it is recorded.
   */
  identify(identifiers: Identifiers, traits: Properties = {}, options: LinkOptions = {}): Recorded {
    try {
      const { namespaces } = this.client
      const added = toIdentifiers(identifiers, namespaces)
      this.identifiers = checkedCount([...new Set([...this.identifiers, ...added])])
      if (this.isWithheld) return this.client.unconsented()
      const links = starOf(this.key, this.identifiers, options, namespaces)
      const hasTraits = Object.keys(traits).length > 0
      // What it resolves with is a position, so something is recorded in any case.
      const last = hasTraits || links.length === 0 ? () => this.setTraits(traits) : undefined
      return ignorable(this.recordAll(links, last))
    } catch (thrown) {
      return this.client.refused(thrown)
    }
  }

  /**
   * These identifiers are the same person's, like a customer number that the caller names. Who this
   * visitor is stays: its records go on to where they went. Resolves when all links are recorded.
   */
  alias(identifiers: Identifiers, options: LinkOptions = {}): Recorded {
    try {
      const { namespaces } = this.client
      const { key } = this
      const added = toIdentifiers(identifiers, namespaces)
      const all = checkedCount([...new Set([...this.identifiers, ...added])])
      if (this.isWithheld) return this.client.unconsented()
      // What is below the key makes nobody else of this visitor, and decisions then bring its link.
      this.identifiers = all.filter((one) => compareIdentifiers(one, key, namespaces) <= 0)
      const links = starOf(greatestOf(all, namespaces), all, options, namespaces)
      return ignorable(this.recordAll(links))
    } catch (thrown) {
      return this.client.refused(thrown)
    }
  }

  /**
   * The visitor came by a link in a message that was made for one reader: `token` is that of the
   * proposition in it. So this device is that reader's, and the next decision knows all of them.
   * Rejects as `client.outcome` does, and with `INVALID` for a token of somebody who was not known
   * either. Without a device, or where somebody is logged in, there is nothing to record, and it
   * resolves with undefined.
   */
  landed(token: string, options: RecordOptions = {}): Recorded {
    const { client } = this
    if (this.isWithheld) return client.unconsented()
    // A login says more than a message that may have been passed on.
    if (this.isLoggedIn) return Promise.resolve(undefined)
    const device = greatest(devicesIn(this.identifiers, client.namespaces), client.namespaces)
    if (device === undefined) return Promise.resolve(undefined)
    const landed = client.landed(token, device, options)
    if (!client.checksTokens) {
      const landing = landed
        .catch(() => undefined)
        .then(() => {
          if (this.landing === landing) this.landing = undefined
        })
      this.landing = landing
    }
    return landed
  }

  /** Sets lasting values; null removes one. */
  setTraits(traits: Properties, options: RecordOptions = {}): Recorded {
    const names = Object.keys(traits)
    const set: { [name: string]: Properties[string] } = {}
    for (const name of names)
      if (traits[name] !== null && traits[name] !== undefined) set[name] = traits[name]
    const unset = names.filter((name) => traits[name] === null)
    return this.record({ kind: 'traits', key: this.key, set, unset }, options)
  }

  /**
   * The visitor granted or refused a purpose. On a web site `personalise` also decides, from this
   * call on, whether the visitor is recognised: then it gets its cookie, else it loses it.
   */
  consent(purpose: string, granted: boolean, options: RecordOptions = {}): Recorded {
    const record = { kind: 'consent' as const, key: this.key, purpose, granted }
    const { permission } = this
    if (purpose !== personalise || permission === undefined || this.isBot)
      return this.record(record, options)
    if (granted) permission.give()
    // Who was never recognised leaves nothing behind, not even that they refused.
    const isRecorded = permission.isGiven || permission.isKnown
    if (!granted) permission.withhold()
    return isRecorded ? this.client.record(record, options) : this.client.unconsented()
  }

  /** What to show at a placement. Never throws, never takes longer than the deadline. */
  async decide(placement: string, options: DecideOptions = {}): Promise<Decision> {
    const [decision] = await this.decisions([placement], options)
    if (decision === undefined) throw new TypeError('one placement, one decision')
    return decision
  }

  /** What to show at several placements; no offer appears twice. */
  async decideAll(
    placements: readonly string[],
    options: DecideOptions = {},
  ): Promise<{ [placement: string]: Decision }> {
    const decisions = await this.decisions(placements, options)
    return Object.fromEntries(decisions.map((decision) => [decision.placement, decision]))
  }

  /**
   * What is known of this visitor, of the traits that the playbook lets this channel read. Never
   * takes longer than the deadline. Of a visitor who may not be recognised nothing is known.
   * Rejects with `FORBIDDEN`, `UNAVAILABLE`, `TIMEOUT` or `INVALID`.
   */
  async profile(
    traits: readonly string[],
    options: Pick<DecideOptions, 'deadlineMs'> = {},
  ): Promise<KnownProfile> {
    if (this.isWithheld) return { traits: {}, freshness: 'stale' }
    const deadlineMs = await this.afterLanding(options)
    return this.client.profile(this.identifiers, this.imported, traits, { deadlineMs })
  }

  /**
   * The visitor logged out: what comes next belongs to the device alone. Without a device, like a
   * caller on the phone, there is nothing to record, and it resolves with undefined.
   */
  reset(): Recorded {
    const { namespaces } = this.client
    const devices = devicesIn(this.identifiers, namespaces)
    const device = greatest(devices, namespaces)
    if (device === undefined) return Promise.resolve(undefined)
    this.identifiers = devices
    return this.record({ kind: 'logout', key: device }, {})
  }

  private get isLoggedIn(): boolean {
    const { namespaces } = this.client
    return this.identifiers.some((one) => namespaces.get(namespaceOf(one))?.class === 'account')
  }

  private get isWithheld(): boolean {
    return this.isBot || this.permission?.isGiven === false
  }

  private record(record: NewRecord, options: RecordOptions): Recorded {
    return this.isWithheld ? this.client.unconsented() : this.client.record(record, options)
  }

  /** In this order; resolves with the last one's position once all are recorded. */
  private async recordAll(
    records: readonly NewRecord[],
    last: () => Recorded | undefined = () => undefined,
  ): Recorded {
    const recorded = records.map((record) => this.client.record(record, {}))
    const end = last() ?? recorded.at(-1)
    await Promise.all(recorded)
    return end
  }

  private decisions(placements: readonly string[], options: DecideOptions): Promise<Decision[]> {
    const { client, identifiers, imported, landing } = this
    if (this.isBot || options.isBot === true)
      return client.decide(identifiers, [], placements, { ...options, isBot: true })
    if (this.isWithheld) return Promise.resolve(client.decideWithheld(placements))
    if (landing === undefined) return client.decide(identifiers, imported, placements, options)
    return this.afterLanding(options).then((deadlineMs) =>
      client.decide(identifiers, imported, placements, { deadlineMs }),
    )
  }

  /** What is left of the deadline once a landing that is under way is known. */
  private async afterLanding({ deadlineMs }: DecideOptions): Promise<number> {
    const deadline = this.client.deadlineOf(deadlineMs)
    if (this.landing === undefined) return deadline
    const startedAt = performance.now()
    await within(deadline, this.landing)
    return Math.max(1, deadline - (performance.now() - startedAt))
  }
}

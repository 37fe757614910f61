import {
  bounds,
  exportPositions,
  greatest,
  HalfsecondError,
  type Identifier,
  identifierOf,
  importPositions,
  type Namespaces,
  namespaceOf,
  type Position,
  type Properties,
} from '@halfsecond/protocol'
import type { Client } from './client.ts'
import type { Decision } from './decision.ts'
import { ignorable } from './ignorable.ts'
import type { RecordOptions } from './recorder.ts'

/** Identifiers by namespace: `{ anon: '4hG8…', user: '17' }`. */
export type Identifiers = { readonly [namespace: string]: string | number | undefined }

export interface DecideOptions {
  /** Milliseconds to wait for an answer, at most 2,000. Default: the client's. */
  readonly deadlineMs?: number
}

/**
 * Somebody on this channel: one or more identifiers. Cheap; make one per request.
 *
 * Every recording method returns a promise of the record's position that may be ignored: a failure
 * is counted then, never thrown. Records reach the log in the order of the calls.
 */
export class Visitor {
  private readonly client: Client
  private identifiers: readonly Identifier[]
  private imported: readonly Position[]

  /** Made by `client.visitor`. */
  constructor(client: Client, identifiers: readonly Identifier[], positions: readonly Position[]) {
    this.client = client
    this.identifiers = identifiers
    this.imported = positions
  }

  /** Canonical identifiers, like `anon:4hG8`. */
  get known(): readonly string[] {
    return this.identifiers
  }

  /** The identifier that records go to: the greatest. */
  get key(): Identifier {
    const key = greatest(this.identifiers, this.client.namespaces)
    if (key === undefined)
      throw new HalfsecondError('INVALID', 'a visitor has at least one identifier')
    return key
  }

  /**
   * Text that tells another server what the log has acknowledged to this one: pass it as `position`
   * when making the visitor there, and its decisions wait for it. Await what you recorded before.
   */
  get position(): string {
    return exportPositions(this.client.positionsOf(this.identifiers, this.imported))
  }

  /** Something happened. */
  track(name: string, properties: Properties = {}, options: RecordOptions = {}): Promise<Position> {
    return this.client.record({ kind: 'event', key: this.key, name, properties }, options)
  }

  /**
   * This visitor is also known by these identifiers; from now on its records go to the greatest of
   * all. Traits, if given, are set there; null removes one. Resolves when all of it is recorded.
   */
  identify(identifiers: Identifiers, traits: Properties = {}): Promise<Position> {
    try {
      const added = toIdentifiers(identifiers, this.client.namespaces)
      this.identifiers = checkedCount([...new Set([...this.identifiers, ...added])])
      return ignorable(this.link(traits))
    } catch (thrown) {
      return this.client.refused(thrown)
    }
  }

  private async link(traits: Properties): Promise<Position> {
    const { key } = this
    const rank = (one: Identifier) => this.client.namespaces.get(namespaceOf(one))?.class
    const recorded = this.identifiers
      .filter((one) => one !== key)
      .map((one) => {
        const strength =
          rank(key) === 'account' && rank(one) !== 'contact' ? 'authenticated' : 'asserted'
        return this.client.record({ kind: 'link', key: one, to: key, strength }, {})
      })
    const set = this.setTraits(traits)
    await Promise.all(recorded)
    return set
  }

  /** Sets lasting values; null removes one. */
  setTraits(traits: Properties, options: RecordOptions = {}): Promise<Position> {
    const names = Object.keys(traits)
    const set: { [name: string]: Properties[string] } = {}
    for (const name of names)
      if (traits[name] !== null && traits[name] !== undefined) set[name] = traits[name]
    const unset = names.filter((name) => traits[name] === null)
    return this.client.record({ kind: 'traits', key: this.key, set, unset }, options)
  }

  /** The visitor granted or refused a purpose, like `personalise`. */
  consent(purpose: string, granted: boolean, options: RecordOptions = {}): Promise<Position> {
    return this.client.record({ kind: 'consent', key: this.key, purpose, granted }, options)
  }

  /** What to show at a placement. Never throws, never takes longer than the deadline. */
  async decide(placement: string, options: DecideOptions = {}): Promise<Decision> {
    const [decision] = await this.client.decide(
      this.identifiers,
      this.imported,
      [placement],
      options,
    )
    if (decision === undefined) throw new TypeError('one placement, one decision')
    return decision
  }

  /** What to show at several placements; no offer appears twice. */
  async decideAll(
    placements: readonly string[],
    options: DecideOptions = {},
  ): Promise<{ [placement: string]: Decision }> {
    const decisions = await this.client.decide(this.identifiers, this.imported, placements, options)
    return Object.fromEntries(decisions.map((decision) => [decision.placement, decision]))
  }

  /**
   * The visitor logged out: what comes next belongs to the device alone. Without a device, like a
   * caller on the phone, there is nothing to record, and it resolves with undefined.
   */
  reset(): Promise<Position | undefined> {
    const devices = this.identifiers.filter(
      (one) => this.client.namespaces.get(namespaceOf(one))?.class === 'device',
    )
    const device = greatest(devices, this.client.namespaces)
    if (device === undefined) return Promise.resolve(undefined)
    this.identifiers = devices
    return this.client.record({ kind: 'logout', key: device }, {})
  }
}

/** @throws HalfsecondError `TOO_LARGE` */
export function checkedCount(identifiers: readonly Identifier[]): readonly Identifier[] {
  if (identifiers.length <= bounds.identifiersPerCall) return identifiers
  throw new HalfsecondError('TOO_LARGE', `at most ${bounds.identifiersPerCall} identifiers`)
}

/** @throws HalfsecondError `INVALID` or `UNKNOWN_NAMESPACE` */
export function toIdentifiers(
  identifiers: Identifiers,
  namespaces: Namespaces,
): readonly Identifier[] {
  const named: Identifier[] = []
  for (const [namespace, value] of Object.entries(identifiers)) {
    if (value !== undefined) named.push(identifierOf(namespace, String(value), namespaces))
  }
  return named
}

/** @throws HalfsecondError `MALFORMED` */
export function toPositions(text: string | undefined): readonly Position[] {
  return text === undefined || text === '' ? [] : importPositions(text)
}

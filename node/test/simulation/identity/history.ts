import {
  builtInNamespaces,
  type ChannelRecord,
  compareIdentifiers,
  type FragmentId,
  fragmentIdOf,
  fragmentName,
  type Identifier,
} from '@halfsecond/protocol'
import { Dice } from '../dice.ts'
import { accounts, isDevice, people, shardCount } from './people.ts'

/** What happens to recognition: channels tell something, or nodes and the network do. */
export type Step =
  /** A channel's batch, all of it about one identifier, goes to the log of its home at this time. */
  | { readonly kind: 'tell'; readonly nowMs: number; readonly records: readonly ChannelRecord[] }
  /** A batch that is in its log goes there again. */
  | { readonly kind: 'again'; readonly which: number }
  /** A shard folds so many entries more. */
  | { readonly kind: 'fold'; readonly shard: number; readonly count: number }
  /** The primary of a shard publishes what is for another one, where nothing of it is under way. */
  | { readonly kind: 'publish'; readonly which: number }
  /** It writes down that this arrived. */
  | { readonly kind: 'confirm'; readonly which: number }
  /** A primary that is about to lose the shard has this in hand. */
  | { readonly kind: 'keep'; readonly which: number }
  /** And publishes it now, though another one leads. */
  | { readonly kind: 'late'; readonly which: number }
  /** A shard's primary dies; the next one comes from the log alone, or from its own rows. */
  | { readonly kind: 'restart'; readonly shard: number; readonly by: 'log' | 'rows' }
  /** What a shard knows of somebody is forgotten if it is older than so much. */
  | { readonly kind: 'expire'; readonly id: FragmentId; readonly idleMs: number }
  /** Another server takes a log over, whose clock is so much ahead. */
  | { readonly kind: 'clock'; readonly shard: number; readonly skewMs: number }
  /** Stricter rules are applied: every shard learns of them when it folds that. */
  | { readonly kind: 'rules' }
  /** All that is under way arrives and is folded. */
  | { readonly kind: 'settle' }

/** All that a run depends on. */
export interface History {
  readonly seed: number
  readonly steps: readonly Step[]
  /** By how much the clock of each shard's log is ahead. */
  readonly skewsMs: readonly number[]
  /** Whether everything arrives before the next thing is told: then what it does can be foreseen. */
  readonly isCalm: boolean
}

/** A Friday in May 2015, UTC. */
export const beganAt = Date.UTC(2015, 4, 15, 10)

/** Beyond what any session lasts. */
const longMs = 2 * 60 * 60_000

/** Each history is about few people and few kinds of happenings, so that it gets deep into them. */
export function historyOf(seed: number): History {
  const dice = new Dice(seed)
  const isCalm = dice.chance(0.25)
  const cast = castOf(dice)
  const writer = new Writer(dice, cast)
  const told = isCalm ? 3 + dice.below(10) : 4 + dice.below(14)
  const haste = dice.below(5)
  const extras: Extras = {
    expires: dice.chance(0.1),
    rules: dice.chance(0.1),
    clocks: dice.chance(0.1),
  }
  const steps: Step[] = []
  for (let i = 0; i < told; i++) {
    steps.push(writer.tell(isCalm))
    if (isCalm) steps.push({ kind: 'settle' })
    else for (let j = dice.below(haste + 1); j > 0; j--) steps.push(happening(dice, cast, extras))
  }
  const skewMs = dice.pick([0, 0, 2_000, 90_000])
  return {
    seed,
    steps,
    skewsMs: Array.from({ length: shardCount }, () => Math.round(dice.between(-skewMs, skewMs))),
    isCalm,
  }
}

function castOf(dice: Dice): readonly Identifier[] {
  if (dice.chance(0.3)) return people
  const cast = people.filter(() => dice.chance(0.55))
  return cast.length < 3 ? people.slice(dice.below(4), 9) : cast
}

/** What only some histories have. */
interface Extras {
  readonly expires: boolean
  readonly rules: boolean
  readonly clocks: boolean
}

function happening(dice: Dice, cast: readonly Identifier[], extras: Extras): Step {
  if (extras.expires && dice.chance(0.1))
    return { kind: 'expire', id: fragmentOf(dice.pick(cast), dice), idleMs: dice.pick([0, longMs]) }
  if (extras.rules && dice.chance(0.1)) return { kind: 'rules' }
  const shard = dice.below(shardCount)
  if (extras.clocks && dice.chance(0.1))
    return { kind: 'clock', shard, skewMs: Math.round(dice.between(-90_000, 90_000)) }
  const which = dice.below(16)
  const chance = dice.next()
  if (chance < 0.4) return { kind: 'fold', shard, count: 1 + dice.below(4) }
  if (chance < 0.61) return { kind: 'publish', which }
  if (chance < 0.71) return { kind: 'confirm', which }
  if (chance < 0.77) return { kind: 'keep', which }
  if (chance < 0.83) return { kind: 'late', which }
  if (chance < 0.87) return { kind: 'again', which }
  if (chance < 0.93) return { kind: 'restart', shard, by: dice.chance(0.5) ? 'log' : 'rows' }
  return { kind: 'settle' }
}

function fragmentOf(identifier: Identifier, dice: Dice): FragmentId {
  return fragmentIdOf(identifier, isDevice(identifier) ? dice.below(3) : 0)
}

/** Invents what channels tell. */
class Writer {
  private readonly dice: Dice
  private readonly cast: readonly Identifier[]
  private readonly erases: boolean
  private readonly logouts: boolean
  private readonly lateness: number
  private nowMs = beganAt
  private count = 0
  private readonly links: { readonly key: Identifier; readonly to: Identifier }[] = []

  constructor(dice: Dice, cast: readonly Identifier[]) {
    this.dice = dice
    this.cast = cast
    this.erases = dice.chance(0.5)
    this.logouts = dice.chance(0.4)
    this.lateness = dice.pick([0, 0.1, 0.4])
  }

  /** @param isOne whether to tell one thing at a time */
  tell(isOne: boolean): Step {
    const { dice } = this
    this.nowMs += dice.chance(0.1) ? longMs : 1 + dice.below(20_000)
    const first = this.record(dice.pick(this.cast))
    const records = [first]
    // Enough for one chunk of a timeline to be sealed.
    const events = isOne || dice.chance(0.99) ? 0 : 70
    for (let i = 0; i < events; i++) records.push(this.event(first.key))
    const more = isOne || dice.chance(0.8) ? 0 : 1 + dice.below(3)
    for (let i = 0; i < more; i++) {
      const next = this.record(first.key)
      records.push(next.key === first.key ? next : this.event(first.key))
    }
    return { kind: 'tell', nowMs: this.nowMs, records }
  }

  private event(key: Identifier): ChannelRecord {
    return { ...this.common(key), kind: 'event', name: 'page', properties: {} }
  }

  private record(key: Identifier): ChannelRecord {
    const { dice } = this
    const chance = dice.next()
    const common = this.common(key)
    if (chance < 0.38) return this.link()
    if (chance < 0.55) return this.unlink() ?? this.link()
    if (chance < 0.73) return { ...common, kind: 'event', name: 'page', properties: {} }
    if (chance < 0.8) return { ...common, kind: 'traits', set: { city: dice.below(4) }, unset: [] }
    if (chance < 0.85)
      return { ...common, kind: 'consent', purpose: 'mail', granted: dice.chance(0.5) }
    if (chance < 0.89) {
      const decision = `d${dice.below(3)}`
      const outcome = { placement: 'hero', offer: 'o', treatment: 't', outcome: 'display' } as const
      return { ...common, kind: 'outcome', decision, ...outcome }
    }
    if (this.erases && chance < 0.96) return this.erase(common)
    if (this.logouts && isDevice(common.key)) return { ...common, kind: 'logout' }
    return { ...common, kind: 'event', name: 'buy', properties: {} }
  }

  /** A device that had several owners is erased only where its epoch is named. */
  private erase(common: ReturnType<Writer['common']>): ChannelRecord {
    const isNamed = isDevice(common.key) && this.dice.chance(0.5)
    const epoch = isNamed ? { epoch: this.dice.below(3) } : {}
    return { ...common, kind: 'erase', eraseId: common.id, ...epoch }
  }

  private common(key: Identifier): {
    readonly id: string
    readonly key: Identifier
    readonly at: number
  } {
    const { dice } = this
    const clockMs = dice.chance(0.2) ? Math.round(dice.between(-3_000, 3_000)) : 0
    const lateMs = dice.chance(this.lateness) ? dice.below(dice.pick([60_000, 2 * longMs])) : 0
    const at = Math.max(beganAt - longMs, this.nowMs + clockMs - lateMs)
    return { id: `r${this.count++}`, key, at }
  }

  /** Most links are logins; some are told again. */
  private link(): ChannelRecord {
    const { dice } = this
    const again = dice.chance(0.4) && this.links.length > 0 ? dice.pick(this.links) : undefined
    const { key, to } = again ?? this.pair()
    this.links.push({ key, to })
    const strength = dice.chance(0.85) ? 'authenticated' : 'asserted'
    return { ...this.common(key), kind: 'link', to, strength }
  }

  private unlink(): ChannelRecord | undefined {
    if (this.links.length === 0) return undefined
    const { key, to } = this.dice.pick(this.links)
    return { ...this.common(key), kind: 'unlink', to }
  }

  private pair(): { readonly key: Identifier; readonly to: Identifier } {
    const { dice, cast } = this
    const one = dice.pick(cast)
    let other = dice.chance(0.5) ? dice.pick(accounts) : dice.pick(cast)
    while (other === one) other = dice.pick(people)
    const isLower = compareIdentifiers(one, other, builtInNamespaces) < 0
    return isLower ? { key: one, to: other } : { key: other, to: one }
  }
}

export function textOf(step: Step): string {
  switch (step.kind) {
    case 'tell': {
      const shown = step.records.slice(0, 4).map(recordText).join('; ')
      const more = step.records.length > 4 ? `; and ${step.records.length - 4} more` : ''
      return `at ${step.nowMs - beganAt} ms  ${shown}${more}`
    }
    case 'fold':
      return `fold ${step.count} of shard ${step.shard}`
    case 'restart':
      return `restart shard ${step.shard} by its ${step.by}`
    case 'expire':
      return `forget ${fragmentName(step.id)} if older than ${step.idleMs} ms`
    case 'clock':
      return `the clock of shard ${step.shard} is ${step.skewMs} ms ahead`
    case 'rules':
    case 'settle':
      return step.kind
    default:
      return `${step.kind} ${step.which}`
  }
}

function recordText(record: ChannelRecord): string {
  const { kind, id, key, at } = record
  const to = kind === 'link' || kind === 'unlink' ? ` to ${record.to}` : ''
  const strength = kind === 'link' ? ` ${record.strength}` : ''
  return `${kind} ${id} ${key}${to}${strength}, at ${at - beganAt}`
}

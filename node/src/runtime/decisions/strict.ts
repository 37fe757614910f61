import type { GrantLimit, Identifier } from '@halfsecond/protocol'
import type { Choice, DecideRequest, Exposure, Profile } from '../../core/decision/decide.ts'
import { Evaluation } from '../../core/decision/evaluation.ts'
import { windowStart } from '../../core/decision/limits.ts'
import type { Limit, Placement, Playbook } from '../../core/decision/playbook.ts'
import { candidateOf } from '../../core/decision/templates.ts'
import type { FeatureState } from '../../core/features/feature-state.ts'
import { isGrantedLately } from '../../core/fragment/lately.ts'
import { featuresOf } from '../../core/fragment/timeline.ts'
import type { Calendar, Clock } from '../ports.ts'
import type { Exposed, Exposures } from './exposures.ts'
import type { Grant, GrantWriter } from './grant-writer.ts'
import { type GivenProposition, givenOf, grantOf } from './grants-of.ts'

/** Decisions for one question: who is refused as often as that is in a crowd, and gets default content. */
const triesMax = 3

/** Of the time that a question has, what it may wait for the log. */
const waitShare = 0.5

export interface StrictDependencies {
  readonly writer: Pick<GrantWriter, 'write'>
  readonly exposures: Pick<Exposures, 'of' | 'reserve' | 'release'>
  readonly calendar: Calendar
  readonly clock: Clock
}

/** A decision that waits for what it gives to be granted. */
export interface StrictDecision extends Exposed {
  readonly decision: string
  readonly key: Identifier
  readonly profile: Profile
  readonly playbook: Playbook
  /** Milliseconds that the question has in all. */
  readonly deadline: number
  /** Decides anew, with what was given and refused meanwhile. */
  readonly decide: (given: Pick<DecideRequest, 'isPrimary' | 'refused'>) => readonly Choice[]
}

/** What is shown, and what it was decided by. */
export interface Granted {
  readonly choices: readonly Choice[]
  readonly isPrimary: boolean
  readonly refused: readonly Exposure[]
}

/** Whether anything of this needs a grant before it is shown. */
export function isStrict(choices: readonly Choice[], { features }: Playbook): boolean {
  return (
    features.isStrict &&
    choices.some(({ placement, propositions }) =>
      propositions.some(
        ({ offer }) => offer !== undefined && features.ofExposure(offer, placement.name).isStrict,
      ),
    )
  )
}

/**
 * Has what strict limits count granted by the log before it is shown. What the log refuses is
 * decided without; what could not be granted in time as by a standby, which grants nothing.
 *
 * A grant that the log took and nobody was told of in time counts all the same: of what a strict
 * limit allows never more is shown, and sometimes less.
 */
export class Strict {
  private readonly uses: StrictDependencies

  constructor(uses: StrictDependencies) {
    this.uses = uses
  }

  async granted(asked: StrictDecision, first: readonly Choice[]): Promise<Granted> {
    const { clock } = this.uses
    const endsAt = clock.monotonic() + asked.deadline * waitShare
    const own = ownOf(asked)
    const refused: Exposure[] = []
    let choices = first
    for (let tries = 0; tries < triesMax; tries++) {
      const before = refused.length
      const leftMs = endsAt - clock.monotonic()
      if (leftMs <= 0) break
      refused.push(...(await this.refusedOf(asked, choices, own, leftMs)))
      if (refused.length === before) return { choices, isPrimary: true, refused }
      choices = asked.decide({ isPrimary: true, refused })
      if (!isStrict(choices, asked.playbook)) return { choices, isPrimary: true, refused }
    }
    const given = { isPrimary: false, refused }
    return { choices: asked.decide(given), ...given }
  }

  /** What of it the log did not grant in time. */
  private async refusedOf(
    asked: StrictDecision,
    choices: readonly Choice[],
    own: FeatureState | undefined,
    leftMs: number,
  ): Promise<readonly Exposure[]> {
    const { exposures, writer } = this.uses
    const { shard, root, playbook } = asked
    const wanted = wantedOf(asked, choices)
    const written = wanted.map((one) => {
      const { shown } = one
      const grant = this.grantOf(asked, one, own)
      // Others of this person who ask at this moment see it at once.
      exposures.reserve(root, shown, playbook)
      return grant === undefined ? Promise.resolve(false) : writer.write(shard.number, grant)
    })
    await this.within(leftMs, Promise.all(written))
    const fragment = shard.read(root)
    return wanted.flatMap(({ shown }) => {
      if (fragment && isGrantedLately(fragment, shown, shard.memory)) return []
      exposures.release(root, shown)
      return [{ placement: shown.placement, offer: shown.offer }]
    })
  }

  private grantOf(
    asked: StrictDecision,
    { shown, placement }: Wanted,
    own: FeatureState | undefined,
  ): Grant | undefined {
    const candidate = candidateOf(placement, shown.offer)
    if (candidate === undefined) return undefined
    const at = this.uses.clock.now()
    const limits = [...placement.limits, ...candidate.limits].filter(({ strict }) => strict)
    return {
      ...grantOf(asked.root, shown, placement, at),
      limits: limits.map((limit) => this.limitOf(limit, shown.offer, asked, own, at)),
    }
  }

  /**
   * The log knows what was granted to this root: what other fragments were granted leaves less room.
   * @param own what this root had when the profile was made: more by now only makes it stricter
   */
  private limitOf(
    limit: Limit,
    offer: string,
    { profile, playbook }: StrictDecision,
    own: FeatureState | undefined,
    now: number,
  ): GrantLimit {
    const { feature, across: scope } = limit
    const evaluation = new Evaluation(profile, playbook, this.uses.calendar, now)
    const since = Math.max(-1, windowStart(limit, evaluation))
    const all = countOf(profile.features, feature, offer, since)
    const here = own === undefined ? 0 : countOf(own, feature, offer, since)
    const elsewhere = all === undefined || here === undefined ? limit.max : Math.max(0, all - here)
    return { scope, max: limit.max - elsewhere, since }
  }

  private within(ms: number, done: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve) => {
      const timer = this.uses.clock.after(ms, () => resolve(undefined))
      void done.then(() => {
        timer.cancel()
        resolve(undefined)
      })
    })
  }
}

function ownOf({ shard, root, playbook }: StrictDecision): FeatureState | undefined {
  const fragment = shard.read(root)
  return fragment && featuresOf(fragment, playbook.features, shard.memory).copy()
}

/** What a feature counts of an offer; undefined where that is not known. */
function countOf(
  features: FeatureState,
  feature: number,
  offer: string,
  since: number,
): number | undefined {
  return features.set.isOfItems(feature)
    ? features.itemCount(feature, offer, since)
    : features.count(feature, since)
}

interface Wanted {
  readonly shown: GivenProposition
  readonly placement: Placement
}

function wantedOf(
  { decision, key, playbook }: StrictDecision,
  choices: readonly Choice[],
): readonly Wanted[] {
  return choices.flatMap((choice) =>
    choice.propositions.flatMap((proposition) => {
      const { placement } = choice
      const shown = givenOf(decision, key, choice, proposition)
      if (shown === undefined) return []
      const { isStrict: isWanted } = playbook.features.ofExposure(shown.offer, placement.name)
      return isWanted ? [{ shown, placement }] : []
    }),
  )
}

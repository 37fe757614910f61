import { assert } from '../assert.ts'
import { floatBytes, floatsIn } from '../learning/float-bytes.ts'
import {
  type ArmDraws,
  drawsPerArm,
  type Model,
  noModel,
  type PlacementModel,
} from '../learning/model.ts'
import { armsAt } from './arms.ts'
import { drawFor } from './chance.ts'
import type { Choice, Proposition } from './decide.ts'
import type { Placement } from './playbook.ts'

/*
 * What chance and experiments had to do with a logged choice:
 *
 *   [arms or null, trial or null, [offer, treatment, probability, …] or null, rates or null]
 *
 * Rates are Float32 values, little-endian, by slot and arm as in `Lottery.rates`: with them a choice is
 * made again without the model, whose versions are not kept for as long.
 */

export interface LoggedProposition {
  readonly offer: string
  readonly treatment: string
  readonly probability: number
}

export interface LoggedChance {
  /** `experiment=arm` */
  readonly arms: readonly string[]
  /** What is learnt from it; undefined where nobody learns. */
  readonly trial: string | undefined
  /** Of a person who was held out. */
  readonly wouldHave: readonly LoggedProposition[]
  readonly rates: Float32Array | undefined
}

export function storedChance({ arms, wouldHave, propositions, rates }: Choice): unknown[] | null {
  const trial = (propositions[0] ?? wouldHave?.[0])?.trial
  if (arms === undefined && trial === undefined && rates === undefined) return null
  return [
    arms ?? null,
    trial ?? null,
    wouldHave?.flatMap(flat) ?? null,
    rates ? floatBytes([rates]) : null,
  ]
}

/** @throws AssertionError for what `storedChance` did not make */
export function readChance(stored: unknown): LoggedChance {
  if (stored === null || stored === undefined) return certainty
  assert(Array.isArray(stored), 'what chance had to do with a choice')
  const [arms, trial, wouldHave, rates]: unknown[] = stored
  return {
    arms: Array.isArray(arms) ? arms.filter((arm) => typeof arm === 'string') : [],
    trial: typeof trial === 'string' ? trial : undefined,
    wouldHave: Array.isArray(wouldHave) ? readPropositions(wouldHave) : [],
    rates: rates instanceof Uint8Array ? floatsIn(rates) : undefined,
  }
}

/** @throws AssertionError unless it is `[offer, treatment, probability, …]` */
export function readPropositions(flat: readonly unknown[]): LoggedProposition[] {
  const propositions: LoggedProposition[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [offer, treatment, probability]: unknown[] = flat.slice(i, i + 3)
    assert(
      typeof offer === 'string' && typeof treatment === 'string' && typeof probability === 'number',
      'a proposition that is whole',
    )
    propositions.push({ offer, treatment, probability })
  }
  return propositions
}

interface LoggedChances {
  readonly decision: string
  readonly model: number
  readonly choices: readonly (LoggedChance & { readonly placement: string })[]
}

/** Says of each arm what the model said then, in the draws that counted. */
export function replayedModel(logged: LoggedChances, placements: readonly Placement[]): Model {
  const { decision, model, choices } = logged
  return {
    version: model,
    of: (name) => {
      const rates = choices.find(({ placement }) => placement === name)?.rates
      const placement = placements.find((one) => one.name === name)
      return rates && placement && replayedAt(placement, rates, decision, Number.NaN)
    },
  }
}

/** P of an arm of which the log does not tell what the model said: no model says so. */
export const unknownRate = -1

/**
 * For a decision that is made again in another way than it was: what took no part then may do now,
 * and has `unknownRate`.
 * @param isTold whether the rates at a placement are the model's
 */
export function partlyReplayedModel(
  { decision, model, choices }: LoggedChances,
  placements: readonly Placement[],
  isTold: (placement: Placement) => boolean,
): Model {
  // Before the first model nothing tells arms apart, those that took no part included.
  if (model === noModel.version) return noModel
  return {
    version: model,
    of: (name) => {
      const placement = placements.find((one) => one.name === name)
      if (placement === undefined) return undefined
      const logged = choices.find((one) => one.placement === name)?.rates
      const rates = isTold(placement) ? logged : undefined
      return replayedAt(placement, rates ?? noRates, decision, unknownRate)
    },
  }
}

/**
 * Whether what a choice shows follows from rates that are known: it shows nothing, or wherever arms
 * were compared, P of each was told.
 */
export function isKnownChoice({ placement, rates, propositions }: Choice, seed: string): boolean {
  if (rates === undefined || propositions.every(({ offer }) => offer === undefined)) return true
  const arms = rates.length / placement.count
  for (let slot = 0; slot < placement.count; slot++) {
    const compared = rates.subarray(slot * arms, (slot + 1) * arms)
    if (!compared.includes(unknownRate)) continue
    // Whoever explores compares nothing.
    const { explores } = drawFor(seed, placement.name, slot)
    if (explores >= (placement.learning?.explore ?? 0)) return false
  }
  return true
}

const noRates = new Float32Array(0)

function replayedAt(
  placement: Placement,
  rates: Float32Array,
  seed: string,
  missing: number,
): PlacementModel {
  const { arms } = armsAt(placement)
  return {
    drawsOf: (arm): ArmDraws => {
      const number = arms.indexOf(arm)
      const drawn = new Float32Array(drawsPerArm).fill(missing)
      for (let slot = 0; slot < placement.count; slot++) {
        const rate = rates[slot * arms.length + number]
        if (rate !== undefined && !Number.isNaN(rate))
          drawn[drawFor(seed, placement.name, slot).index] = rate
      }
      return { rates: drawn, mean: missing }
    },
  }
}

const certainty: LoggedChance = { arms: [], trial: undefined, wouldHave: [], rates: undefined }

function flat({ offer, treatment, probability = 1 }: Proposition): unknown[] {
  return offer === undefined ? [] : [offer, treatment, probability]
}

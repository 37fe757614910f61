import type { Calendar } from './calendar.ts'
import { decide, type Profile } from './decide.ts'
import type { Playbook } from './playbook.ts'

/** How often a placement showed default content, under the playbook that decides and under another. */
export interface PlacementTally {
  readonly asked: number
  readonly before: number
  readonly after: number
}

/** What some timelines are shown under two playbooks. */
export interface TrialTally {
  /** Timelines that were decided for. */
  readonly timelines: number
  /** Timelines that were not, for not all of them is here. */
  readonly partial: number
  /** By placement; those that both playbooks have. */
  readonly placements: { readonly [placement: string]: PlacementTally }
}

export const emptyTally: TrialTally = { timelines: 0, partial: 0, placements: {} }

/** Points by which the share of default content may rise at a placement. */
export const risePointsMax = 20

/** One person under both playbooks, at each placement by itself, as if nothing else were asked. */
export function tryOne(
  present: { readonly profile: Profile; readonly playbook: Playbook },
  next: { readonly profile: Profile; readonly playbook: Playbook },
  calendar: Calendar,
  now: number,
): TrialTally {
  const placements: { [placement: string]: PlacementTally } = {}
  for (const name of next.playbook.placements.keys()) {
    if (!present.playbook.placements.has(name)) continue
    const before = isDefault(present, name, calendar, now)
    const after = isDefault(next, name, calendar, now)
    placements[name] = { asked: 1, before: Number(before), after: Number(after) }
  }
  return { timelines: 1, partial: 0, placements }
}

export function addTallies(one: TrialTally, other: TrialTally): TrialTally {
  const placements: { [placement: string]: PlacementTally } = { ...one.placements }
  for (const [name, { asked, before, after }] of Object.entries(other.placements)) {
    const sum = placements[name] ?? { asked: 0, before: 0, after: 0 }
    placements[name] = {
      asked: sum.asked + asked,
      before: sum.before + before,
      after: sum.after + after,
    }
  }
  return {
    timelines: one.timelines + other.timelines,
    partial: one.partial + other.partial,
    placements,
  }
}

/** By how many points the share of default content rises; negative where it falls. */
export function riseOf({ asked, before, after }: PlacementTally): number {
  return asked === 0 ? 0 : ((after - before) * 100) / asked
}

function isDefault(
  { profile, playbook }: { readonly profile: Profile; readonly playbook: Playbook },
  name: string,
  calendar: Calendar,
  now: number,
): boolean {
  const placement = playbook.placements.get(name)
  if (placement === undefined) return true
  const request = { placements: [placement], now, exposures: [] }
  return decide(profile, request, playbook, calendar).every(({ propositions }) =>
    propositions.every(({ offer }) => offer === undefined),
  )
}

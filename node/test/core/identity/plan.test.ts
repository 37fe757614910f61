import { fragmentName } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { changeOf, type ProfileChange } from '../../../src/core/identity/plan.ts'
import { historyOf } from '../../simulation/identity/history.ts'
import { fragmentsOf, groupsOf, validLinksOf } from '../../simulation/identity/homes.ts'
import { IdentityWorld } from '../../simulation/identity/identity-world.ts'
import { ReachedStates } from '../../simulation/identity/reached.ts'
import { strictRules } from '../../simulation/identity/strict-rules.ts'

const seeds = 150

describe('a plan of stricter rules', () => {
  it('ID-17 lists exactly the profiles that change, and what they change to', () => {
    let listed = 0
    for (let seed = 0; seed < seeds; seed++) {
      const world = worldAtRest(seed)
      const before = profilesOf(world)
      const plan = planOf(world)

      world.apply({ kind: 'rules' })
      world.settle()

      expect({ seed, profiles: profilesOf(world) }).toEqual({
        seed,
        profiles: foreseen(before, plan),
      })
      expect(planOf(world)).toEqual([])
      listed += plan.length
      world.end()
    }
    expect(listed).toBeGreaterThan(10)
  })
})

/** A random history up to its end, by the built-in rules alone. */
function worldAtRest(seed: number): IdentityWorld {
  const history = historyOf(seed)
  const world = new IdentityWorld(history, {}, new ReachedStates())
  for (const step of history.steps) if (step.kind !== 'rules') world.apply(step)
  world.settle()
  return world
}

function planOf(world: IdentityWorld): readonly ProfileChange[] {
  return fragmentsOf(world).flatMap((fragment) => changeOf(fragment, strictRules) ?? [])
}

/** Profiles of more than one, by their members. */
function profilesOf(world: IdentityWorld): readonly string[] {
  const groups = [...groupsOf(validLinksOf(world)).all()]
  return groups
    .filter((group) => group.length > 1)
    .map((group) => textOf(group.map(fragmentName)))
    .toSorted()
}

function foreseen(before: readonly string[], plan: readonly ProfileChange[]): readonly string[] {
  const parts = plan.map(({ stays, leaves }) => [stays, ...leaves].map(({ named }) => named))
  const gone = new Set(parts.map((of) => textOf(of.flat())))
  const come = parts
    .flat()
    .filter((part) => part.length > 1)
    .map(textOf)
  return before
    .filter((one) => !gone.has(one))
    .concat(come)
    .toSorted()
}

function textOf(members: readonly string[]): string {
  return members.toSorted().join(' ')
}

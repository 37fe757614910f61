import { bounds, decode, encode, type FragmentId, identifierOf } from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sessionGapMs } from '../../../src/core/features/sessions.ts'
import {
  type Device,
  epochAt,
  isShared,
  login,
  logout,
  meantOtherwise,
  meantUntil,
  ownerHash,
  restoreDevice,
  storedDevice,
  touch,
} from '../../../src/core/identity/device.ts'

type Step =
  | { readonly kind: 'login'; readonly at: number; readonly owner: FragmentId }
  | { readonly kind: 'logout' | 'touch'; readonly at: number }

/** Steps of ten minutes: some within a session of the one before, some not. */
const time = fc.integer({ min: 0, max: 300 }).map((n) => n * 600_000)
const owner = fc.constantFrom(...['a', 'b', 'c'].map((name) => identifierOf('user', name)))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('login'), at: time, owner }),
  fc.record({ kind: fc.constantFrom('logout', 'touch'), at: time }),
)

/** As they arrive: mostly in order of time. */
const arriving = fc
  .tuple(fc.array(step, { maxLength: 60 }), fc.array(step, { maxLength: 6 }))
  .map(([inOrder, late]) => [...byTime(inOrder), ...late, ...byTime(inOrder)])
const inOrder = fc.array(step, { maxLength: 60 }).map(byTime)
const steps = fc.oneof(arriving, inOrder, fc.array(step, { maxLength: 60 }))

test('epochs follow each other without gaps from 0 on, and are never more than the bound', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const epochs = states(steps).at(-1)?.epochs ?? []

      expect(epochs.length).toBeLessThanOrEqual(bounds.epochsPerDevice)
      expect(epochs[0]?.from ?? 0).toBe(0)
      for (const [i, { from, to }] of epochs.entries()) {
        expect(to).toBe(epochs[i + 1]?.from ?? null)
        expect(to ?? from).toBeGreaterThanOrEqual(from)
      }
    }),
    { numRuns: 500 },
  )
})

test('an epoch never changes its owner, and what ended keeps its borders', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const [first, ...rest] = states(steps)
      let before = first
      for (const device of rest) {
        for (const [i, { from, to, owner }] of (before?.epochs ?? []).entries()) {
          const now = device?.epochs[i]
          expect(now?.from).toBe(from)
          if (to !== null) expect(now?.to).toBe(to)
          if (owner !== null) expect(now?.owner).toBe(owner)
        }
        before = device
      }
    }),
    { numRuns: 500 },
  )
})

test("the last of all epochs is nobody's", () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const last = states(steps).at(-1)?.epochs[bounds.epochsPerDevice - 1]

      expect(last?.owner ?? null).toBeNull()
    }),
    { numRuns: 500 },
  )
})

test('a login claims the epoch of its time for its owner, or it claims nothing', () => {
  fc.assert(
    fc.property(steps, time, owner, (steps, at, owner) => {
      const before = states(steps).at(-1) ?? null

      const { device, login: result } = login(before, at, owner)

      if (result.kind === 'claimed') {
        expect(result.epoch).toBe(epochAt(device, at))
        expect(device.epochs[result.epoch]?.owner).toBe(ownerHash(owner))
        expect(login(device, at, owner)).toEqual({ device, login: result })
      } else {
        expect(ownersOf(device)).toEqual(ownersOf(before))
      }
    }),
    { numRuns: 500 },
  )
})

test('an activity lands in the epoch of its time, and a second one at that time with it', () => {
  fc.assert(
    fc.property(steps, time, (steps, at) => {
      const { device, epoch } = touch(states(steps).at(-1) ?? null, at)

      expect(epochAt(device, at)).toBe(epoch)
      expect(touch(device, at)).toEqual({ device, epoch })
    }),
    { numRuns: 500 },
  )
})

test("a shared device is nobody's after a logout, and when nobody did anything for longer than a session", () => {
  fc.assert(
    fc.property(steps, time, (steps, at) => {
      const device = states(steps).at(-1) ?? null
      const current = device?.epochs.at(-1)
      fc.pre(device !== null && current !== undefined && isShared(device))

      const idle = touch(device, Math.max(current.from, current.lastAt) + sessionGapMs + 1 + at)
      const left = touch(logout(device, current.lastAt), current.lastAt)

      expect(idle.device?.epochs[idle.epoch]?.owner).toBeNull()
      if (current.owner !== null) expect(left.device?.epochs[left.epoch]?.owner).toBeNull()
    }),
    { numRuns: 500 },
  )
})

test('while nothing is late, nobody claims what a shared device did without an owner', () => {
  fc.assert(
    fc.property(inOrder, (steps) => {
      const nobodys = new Set<number>()
      let device: Device | null = null
      for (const step of steps) {
        if (step.kind === 'touch') {
          const touched = touch(device, step.at)
          const isNobodys = touched.device?.epochs[touched.epoch]?.owner === null
          if (isNobodys && isShared(touched.device)) nobodys.add(touched.epoch)
        }
        device = after(device, step)
      }

      for (const epoch of nobodys) expect(device?.epochs[epoch]?.owner).toBeNull()
    }),
    { numRuns: 500 },
  )
})

test('whatever comes late lands in the epoch of its time, in any order', () => {
  const withLate = fc.tuple(steps, fc.array(time, { maxLength: 20 })).chain(([steps, times]) => {
    const device = states(steps).at(-1) ?? null
    const current = device?.epochs.at(-1)?.from ?? 0
    const late = times.filter((at) => at < current)
    return fc.tuple(
      fc.constant(device),
      fc.constant(late),
      fc.shuffledSubarray(late, { minLength: late.length }),
    )
  })
  fc.assert(
    fc.property(withLate, ([device, late, shuffled]) => {
      const one = epochsOf(device, late)
      const other = epochsOf(device, shuffled)

      expect(other.epochs).toEqual(one.epochs)
      expect(other.device).toEqual(one.device)
      for (const [at, epoch] of one.epochs) expect(epoch).toBe(epochAt(device, at))
    }),
    { numRuns: 500 },
  )
})

test('a device read back from its row is the device', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const device = states(steps).at(-1) ?? null

      expect(restoreDevice(decode(encode(storedDevice(device))))).toEqual(device)
    }),
  )
})

function states(steps: readonly Step[]): readonly (Device | null)[] {
  const found: (Device | null)[] = [null]
  for (const step of steps) found.push(after(found.at(-1) ?? null, step))
  return found
}

function after(device: Device | null, step: Step): Device | null {
  switch (step.kind) {
    case 'login':
      return login(device, step.at, step.owner).device
    case 'logout':
      return logout(device, step.at)
    case 'touch':
      return touch(device, step.at).device
  }
}

function epochsOf(
  before: Device | null,
  times: readonly number[],
): { readonly device: Device | null; readonly epochs: ReadonlyMap<number, number> } {
  const epochs = new Map<number, number>()
  let device = before
  for (const at of times) {
    const touched = touch(device, at)
    device = touched.device
    epochs.set(at, touched.epoch)
  }
  return { device, epochs }
}

function ownersOf(device: Device | null): ReadonlySet<string | null> {
  return new Set(device?.epochs.map(({ owner }) => owner) ?? [null])
}

function byTime(steps: readonly Step[]): Step[] {
  return steps.toSorted((a, b) => a.at - b.at)
}

test('the name means an epoch from its beginning until the time that is told of it, and no other', () => {
  fc.assert(
    fc.property(steps, time, (steps, at) => {
      const device = states(steps).at(-1) ?? null
      const meant = (device?.epochs ?? []).flatMap(({ from }, number) => {
        const until = meantUntil(device, number)
        return from <= at && (until === null || at <= until) ? [number] : []
      })

      const { epoch } = touch(device, at)

      // An epoch that begins with this very touch has not been told of.
      expect(meant).toEqual(epoch < (device?.epochs.length ?? 0) ? [epoch] : [])
    }),
    { numRuns: 500 },
  )
})

test('whatever changes until when an epoch is meant says so', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const all = states(steps)
      for (const [i, after] of all.entries()) {
        const before = all[i - 1] ?? null
        const changed = (after?.epochs ?? []).flatMap((_, number) =>
          meantUntil(before, number) === meantUntil(after, number) ? [] : [number],
        )

        expect(meantOtherwise(before, after)).toEqual(changed)
      }
    }),
    { numRuns: 500 },
  )
})

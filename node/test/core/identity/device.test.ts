import { bounds, type FragmentId, identifierOf } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import {
  type Device,
  epochAt,
  isShared,
  login,
  logout,
  ownerHash,
  restoreDevice,
  storedDevice,
  touch,
} from '../../../src/core/identity/device.ts'

const hour = 60 * 60_000
const [a, b, c] = [user('a'), user('b'), user('c')]

test("a device that nobody logged in on has one epoch, which is nobody's", () => {
  expect(epochAt(null, 5 * hour)).toBe(0)
  expect(isShared(null)).toBe(false)
  expect(touch(null, 5 * hour)).toEqual({ device: null, epoch: 0 })
  expect(logout(null, 5 * hour)).toBeNull()
})

test('the first who logs in claims what the device did before, too', () => {
  const first = login(null, 5 * hour, a)

  expect(first.login).toEqual({ kind: 'claimed', epoch: 0 })
  expect(owners(first.device)).toEqual([ownerHash(a)])
})

test('ID-4: A then B on one browser have an epoch each, whether or not A logged out', () => {
  const stays = after([1 * hour, a], [2 * hour, b])
  const leaves = after([1 * hour, a], 1.5 * hour, [2 * hour, b])

  expect(owners(stays)).toEqual([ownerHash(a), ownerHash(b)])
  expect(owners(leaves)).toEqual([ownerHash(a), null, ownerHash(b)])
  expect(epochAt(stays, 2 * hour - 1)).toBe(0)
  expect(epochAt(stays, 2 * hour)).toBe(1)
})

test("ID-5: after A and B, what the device does without a login is nobody's once B's session is over", () => {
  const shared = after([1 * hour, a], [2 * hour, b])

  const during = touch(shared, 2.5 * hour)
  const later = touch(during.device, 3 * hour + 1)
  const next = touch(later.device, 9 * hour)

  expect(during.epoch).toBe(1)
  expect(later.epoch).toBe(2)
  expect(next).toMatchObject({ epoch: 2 })
  expect(owners(next.device)).toEqual([ownerHash(a), ownerHash(b), null])
})

test("ID-5: what comes late is nobody's where it is from after the end of B's session", () => {
  const shared = after([1 * hour, a], [2 * hour, b])
  const { device } = touch(shared, 9 * hour)

  expect(touch(device, 2.5 * hour).epoch).toBe(1)
  expect(touch(device, 2.5 * hour + 1).epoch).toBe(2)
})

test("ID-5: after a logout, what the device does is nobody's at once", () => {
  const device = after([1 * hour, a], 2 * hour)

  expect(touch(device, 2 * hour)).toMatchObject({ epoch: 1 })
  expect(owners(device)).toEqual([ownerHash(a), null])
})

test('ID-6: an epoch that A claimed is not given to B, who logs in later or says so late', () => {
  const device = after([1 * hour, a], [3 * hour, b])

  const late = login(device, 2 * hour, b)

  expect(late.login.kind).toBe('conflict')
  expect(late.device).toEqual(device)
})

test("ID-6: what the device did before A or B came back stays nobody's on a shared device", () => {
  const neutral = touch(after([1 * hour, a], [2 * hour, b]), 9 * hour).device

  const again = afterAlso(neutral, [10 * hour, a])

  expect(owners(again)).toEqual([ownerHash(a), ownerHash(b), null, ownerHash(a)])
  expect(epochAt(again, 10 * hour - 1)).toBe(2)
})

test('ID-7: the same user who comes back after a logout claims what the device did in between', () => {
  const loggedOut = touch(after([1 * hour, a], 2 * hour), 3 * hour).device

  const back = login(loggedOut, 4 * hour, a)

  expect(back.login).toEqual({ kind: 'claimed', epoch: 1 })
  expect(owners(back.device)).toEqual([ownerHash(a), ownerHash(a)])
  expect(isShared(back.device)).toBe(false)
})

test('ID-15: what comes late lands with whoever had the device at its time', () => {
  const device = after([1 * hour, a], 2 * hour, [3 * hour, b])

  const epochs = [0, 1.5 * hour, 2.5 * hour, 3.2 * hour].map((at) => touch(device, at).epoch)

  expect(epochs).toEqual([0, 0, 1, 2])
})

test('a login by the same owner again opens no epoch, and keeps the session open', () => {
  const shared = after([1 * hour, a], [2 * hour, b], [4 * hour, b])

  expect(owners(shared)).toHaveLength(2)
  expect(touch(shared, 4.5 * hour).epoch).toBe(1)
})

test('on a device of one owner nothing becomes neutral, however long it rests', () => {
  expect(touch(after([1 * hour, a]), 999 * hour).epoch).toBe(0)
})

test("a late login claims the epoch of its time where that is nobody's, as a whole", () => {
  const device = after([1 * hour, a], 2 * hour, [4 * hour, b])

  const late = login(device, 3 * hour, c)

  expect(late.login).toEqual({ kind: 'claimed', epoch: 1 })
  expect(borders(late.device)).toEqual(borders(device))
  expect(owners(late.device)).toEqual([ownerHash(a), ownerHash(c), ownerHash(b)])
})

test("a login that is older than the present owner's is a conflict: it takes no device away", () => {
  const device = after([2 * hour, a])

  const late = login(device, 1 * hour, b)

  expect(late).toEqual({ device, login: { kind: 'conflict', reason: expect.any(String) } })
})

test("a logout that is older than the present owner's login, or than the epoch, ends nothing", () => {
  const device = after([1 * hour, a], [3 * hour, b], [4 * hour, b])

  expect(logout(device, 2 * hour)).toBe(device)
  expect(logout(device, 3.5 * hour)).toBe(device)
  expect(owners(logout(device, 4 * hour))).toEqual([ownerHash(a), ownerHash(b), null])
})

test('logging out twice is logging out once', () => {
  const device = after([1 * hour, a], 2 * hour)

  expect(logout(device, 3 * hour)).toBe(device)
})

test('who logs in at the moment of a logout claims the epoch that this opened', () => {
  const device = after([1 * hour, a], 2 * hour, [2 * hour, b])

  expect(owners(device)).toEqual([ownerHash(a), ownerHash(b)])
})

test("a device that changed hands too often ends up neutral, and is nobody's from then on", () => {
  let device = after([0, a])
  const { epochsPerDevice } = bounds
  for (let i = 1; i < epochsPerDevice - 1; i++)
    device = afterAlso(device, [i * hour, i % 2 ? b : a])
  const full = login(device, 50 * hour, b)

  expect(full.login).toEqual({
    kind: 'conflict',
    reason:
      'the device changed hands or was logged out of 15 times: it is known by logging in only',
  })
  expect(owners(full.device)).toHaveLength(epochsPerDevice)
  expect(touch(full.device, 50 * hour)).toMatchObject({ epoch: epochsPerDevice - 1 })
  for (const owner of [a, b, c]) {
    const again = login(full.device, 60 * hour, owner)
    expect(again.login.kind).toBe('conflict')
    expect(again.device).toBe(full.device)
  }
})

test('where no further epoch may be owned, a login leaves the neutral one as it is', () => {
  let device = after([0, a])
  for (let i = 1; i < bounds.epochsPerDevice - 2; i++)
    device = afterAlso(device, [i * hour, i % 2 ? b : a])
  device = afterAlso(device, 20 * hour)

  const full = login(device, 30 * hour, c)

  expect(full.login.kind).toBe('conflict')
  expect(full.device).toBe(device)
})

test('a logout always has a neutral epoch to open', () => {
  let device: Device | null = null
  for (let i = 0; i < 40; i++)
    device = logout(login(device, 2 * i * hour, a).device, (2 * i + 1) * hour)

  expect(device?.epochs).toHaveLength(bounds.epochsPerDevice)
  expect(device?.epochs.at(-1)?.owner).toBeNull()
})

test('a device says nothing about its owners but hashes', () => {
  expect(JSON.stringify(after([1, user('somebody@example.org')]))).not.toContain('somebody')
})

test('what is no stored device is not restored', () => {
  const wrong = [undefined, 7, [], [7], [[0, 7, 0, 0]], [['0', null, 0, 0]], [[0, null, 0]]]
  expect(wrong.map(restoreDevice)).toEqual(wrong.map(() => undefined))
  expect(restoreDevice(storedDevice(null))).toBeNull()
})

/** A login is [at, owner], a logout only its time. */
type Step = readonly [number, FragmentId] | number

function after(...steps: readonly Step[]): Device | null {
  return afterAlso(null, ...steps)
}

function afterAlso(before: Device | null, ...steps: readonly Step[]): Device | null {
  return steps.reduce(
    (device: Device | null, step) =>
      typeof step === 'number' ? logout(device, step) : login(device, ...step).device,
    before,
  )
}

function owners(device: Device | null): readonly (string | null)[] {
  return device?.epochs.map(({ owner }) => owner) ?? []
}

function borders(device: Device | null): readonly (readonly [number, number | null])[] {
  return device?.epochs.map(({ from, to }) => [from, to] as const) ?? []
}

function user(name: string): FragmentId {
  return identifierOf('user', name)
}

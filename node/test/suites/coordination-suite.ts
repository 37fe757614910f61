import { describe, expect, test } from 'vitest'
import type { Coordination } from '../../src/runtime/ports.ts'
import { freshFrom } from './fresh.ts'
import { testIf } from './test-if.ts'

export interface CoordinationUnderTest {
  readonly coordination: Coordination
  close(): Promise<void>
  /** Another view of the same data: after a restart, or from another node. */
  another?(): Promise<Coordination>
}

export interface CoordinationSuiteOptions {
  readonly can: readonly 'another'[]
}

/** The behaviour of every `Coordination`. `open` gives a fresh, empty one. */
export function coordinationSuite(
  name: string,
  open: () => Promise<CoordinationUnderTest>,
  options: CoordinationSuiteOptions,
): void {
  const fresh = freshFrom(open)

  describe(name, () => {
    test('has nothing under a key that nobody set', async () => {
      const { coordination } = await fresh()

      expect(await coordination.get('playbook.1')).toBeUndefined()
      expect(await coordination.blob('00ff')).toBeUndefined()
    })

    test('sets a key that does not exist, once', async () => {
      const { coordination } = await fresh()

      const first = await coordination.compareAndSet('playbook.1', bytes('a'), 0)
      const second = await coordination.compareAndSet('playbook.1', bytes('b'), 0)

      expect([first, second]).toEqual([true, false])
      expect(text((await coordination.get('playbook.1'))?.value)).toBe('a')
    })

    test('sets a key that still has the revision, and gives it a new one', async () => {
      const { coordination } = await fresh()
      await coordination.compareAndSet('map', bytes('a'), 0)
      const before = await coordination.get('map')

      const isSet = await coordination.compareAndSet('map', bytes('b'), before?.revision ?? 0)
      const after = await coordination.get('map')
      const stale = await coordination.compareAndSet('map', bytes('c'), before?.revision ?? 0)

      expect([isSet, stale]).toEqual([true, false])
      expect(after?.revision).toBeGreaterThan(before?.revision ?? Number.NaN)
      expect(text((await coordination.get('map'))?.value)).toBe('b')
    })

    test('does not set a key that does not exist under another revision', async () => {
      const { coordination } = await fresh()

      const isSet = await coordination.compareAndSet('map', bytes('a'), 7)

      expect(isSet).toBe(false)
      expect(await coordination.get('map')).toBeUndefined()
    })

    test('lets exactly one of many win', async () => {
      const { coordination } = await fresh()

      const won = await Promise.all(
        Array.from({ length: 20 }, (_, i) => coordination.compareAndSet('lease', bytes(`${i}`), 0)),
      )

      expect(won.filter(Boolean).length).toBe(1)
      expect(text((await coordination.get('lease'))?.value)).toBe(`${won.indexOf(true)}`)
    })

    test('counts with many writers, losing none', async () => {
      const { coordination } = await fresh()
      await coordination.compareAndSet('count', bytes('0'), 0)

      await Promise.all(Array.from({ length: 5 }, () => addOne(coordination, 'count', 4)))

      expect(text((await coordination.get('count'))?.value)).toBe('20')
    })

    test('keeps keys apart, and values as they are', async () => {
      const { coordination } = await fresh()
      const binary = Uint8Array.from({ length: 256 }, (_, i) => i)

      await coordination.compareAndSet('playbook.1', binary, 0)
      await coordination.compareAndSet('playbook.10', bytes('ten'), 0)

      const read = await coordination.get('playbook.1')
      expect(Buffer.from(read?.value ?? []).equals(binary)).toBe(true)
      expect(text((await coordination.get('playbook.10'))?.value)).toBe('ten')
    })

    test('keeps blobs by their hash, large ones too, and takes one again', async () => {
      const { coordination } = await fresh()
      const large = Buffer.alloc(600_000, 'large ')

      await coordination.putBlob('aa01', large)
      await coordination.putBlob('aa01', large)
      await coordination.putBlob('aa02', bytes('small'))

      expect(Buffer.from((await coordination.blob('aa01')) ?? []).equals(large)).toBe(true)
      expect(text(await coordination.blob('aa02'))).toBe('small')
    })

    testIf(options.can.includes('another'))('shows the same to everybody', async () => {
      const one = await fresh()
      await one.coordination.compareAndSet('map', bytes('a'), 0)
      await one.coordination.putBlob('aa', bytes('blob'))
      const before = await one.coordination.get('map')

      const other = (await one.another?.()) ?? one.coordination

      expect((await other.get('map'))?.revision).toBe(before?.revision)
      expect(text((await other.get('map'))?.value)).toBe('a')
      expect(text(await other.blob('aa'))).toBe('blob')
    })
  })
}

/** Adds one, `times` times, as every user of compare-and-set does: read, try, read again. */
async function addOne(coordination: Coordination, key: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const read = await coordination.get(key)
    const next = bytes(`${Number(text(read?.value)) + 1}`)
    if (await coordination.compareAndSet(key, next, read?.revision ?? 0)) done++
  }
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value)
}

function text(value: Uint8Array | undefined): string {
  return value === undefined ? 'none' : Buffer.from(value).toString()
}

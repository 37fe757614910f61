import { describe, expect, test } from 'vitest'
import { versionBytesMax } from '../../src/core/learning/version-codec.ts'
import type { Models } from '../../src/runtime/ports.ts'
import { freshFrom } from './fresh.ts'
import { testIf } from './test-if.ts'

export interface ModelsUnderTest {
  readonly models: Models
  close(): Promise<void>
  /** Another view of the same data: after a restart, or from another node. */
  another?(): Promise<Models>
}

export interface ModelsSuiteOptions {
  readonly can: readonly 'another'[]
}

/** The behaviour of every `Models`. `open` gives fresh, empty ones. */
export function modelsSuite(
  name: string,
  open: () => Promise<ModelsUnderTest>,
  options: ModelsSuiteOptions,
): void {
  const fresh = freshFrom(open)

  describe(name, () => {
    test('have nothing at first, whatever they are asked for', async () => {
      const { models } = await fresh()

      expect(await models.newest()).toBeUndefined()
      for (const version of [0, 1, 1_000_000]) expect(await models.at(version)).toBeUndefined()
    })

    test('give back each version by its number, and the newest', async () => {
      const { models } = await fresh()

      expect(await models.publish(1, bytesOf('one'))).toBe(true)
      expect(await models.publish(2, bytesOf('two'))).toBe(true)

      expect(await models.newest()).toMatchObject({ version: 2 })
      expect(textOf(await models.newest())).toBe('two')
      expect(textOf(await models.at(1))).toBe('one')
      expect(textOf(await models.at(2))).toBe('two')
      expect(await models.at(3)).toBeUndefined()
      expect((await models.newest())?.publishedAt).toBeGreaterThan(0)
    })

    test('take the next number only, and it once', async () => {
      const { models } = await fresh()
      await models.publish(1, bytesOf('first'))

      expect(await models.publish(1, bytesOf('late'))).toBe(false)
      expect(await models.publish(3, bytesOf('early'))).toBe(false)

      expect(textOf(await models.at(1))).toBe('first')
      expect(await models.at(3)).toBeUndefined()
    })

    test('let one win of all who publish a number at once', async () => {
      const { models } = await fresh()
      const all = ['a', 'b', 'c', 'd']

      const taken = await Promise.all(all.map((text) => models.publish(1, bytesOf(text))))

      expect(taken.filter((isTaken) => isTaken)).toHaveLength(1)
      expect(textOf(await models.newest())).toBe(all[taken.indexOf(true)])
    })

    test('keep one that is as large as can be', async () => {
      const { models } = await fresh()
      const bytes = new Uint8Array(versionBytesMax).fill(7)

      expect(await models.publish(1, bytes)).toBe(true)

      const stored = await models.newest()
      expect(stored && Buffer.compare(stored.bytes, bytes)).toBe(0)
    })

    test('tell of what is published whoever watches, until they close', async () => {
      const { models } = await fresh()
      const told = Promise.withResolvers<void>()
      let closedTold = 0
      models.watch(() => told.resolve())
      models.watch(() => closedTold++).close()

      await models.publish(1, bytesOf('one'))

      await told.promise
      expect(closedTold).toBe(0)
    })

    testIf(options.can.includes('another'))('show the same to everybody, and go on', async () => {
      const one = await fresh()
      await one.models.publish(1, bytesOf('one'))

      const other = (await one.another?.()) ?? one.models
      expect(await other.publish(1, bytesOf('again'))).toBe(false)
      expect(await other.publish(2, bytesOf('two'))).toBe(true)

      expect(textOf(await other.at(1))).toBe('one')
      expect(textOf(await other.newest())).toBe('two')
    })
  })
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}

function textOf(stored: { readonly bytes: Uint8Array } | undefined): string | undefined {
  return stored && Buffer.from(stored.bytes).toString()
}

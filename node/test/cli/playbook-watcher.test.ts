import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type LastPublished, lastPublishedIn } from '../../src/cli/last-published.ts'
import { PlaybookWatcher } from '../../src/cli/playbook-watcher.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

interface Start {
  readonly file: string
  readonly last: LastPublished
  /** What decides before; undefined: nothing. */
  readonly active?: { readonly version: number; readonly text: string }
  /** What publishing does to the text, as it binds catalogues. */
  readonly bound?: (text: string) => string
}

/** Starts and closes a watcher once, and tells what it published, what it said, and what decides. */
async function started({ file, last, active, bound = (text) => text }: Start) {
  const published: string[] = []
  const told: string[] = []
  let deciding = active && { name: 'shop', hash: '', ...active }
  const watcher = new PlaybookWatcher(file, {
    publish: async (text) => {
      published.push(text)
      const version = (deciding?.version ?? 0) + 1
      deciding = { name: 'shop', hash: '', version, text: bound(text) }
      return { ...deciding, warnings: [] }
    },
    active: () => deciding,
    last,
    tell: (text) => told.push(text),
  })
  await watcher.start()
  await watcher.close()
  return { published, told, active: deciding }
}

function scratch(text: string) {
  const folder = scratchFolder()
  const file = join(folder, 'shop.yaml')
  writeFileSync(file, text)
  return { file, folder, last: lastPublishedIn(folder) }
}

it('publishes the file where nothing decides, although it was published before', async () => {
  const { file, last } = scratch('one')
  await started({ file, last })

  const { published } = await started({ file, last })

  expect(published).toEqual(['one'])
})

it('leaves a newer version on at a restart with the same file, and says so in one line', async () => {
  const { file, folder, last } = scratch('one')
  await started({ file, last })

  const active = { version: 2, text: 'two' }
  const again = await started({ file, last: lastPublishedIn(folder), active })

  expect(again.published).toEqual([])
  expect(again.told).toEqual([
    `${file}: unchanged since it was published as version 1; version 2 decides and stays on, saving a change publishes it`,
  ])
})

it('publishes what was edited between two starts, whatever decides', async () => {
  const { file, last } = scratch('one')
  await started({ file, last })
  writeFileSync(file, 'three')

  const again = await started({ file, last, active: { version: 2, text: 'two' } })

  expect(again.published).toEqual(['three'])
  expect(again.active?.version).toBe(3)
})

it('does not publish a text again that decides bound to catalogues', async () => {
  const { file, last } = scratch('one')
  const bound = (text: string) => `${text}, bound`
  const { active } = await started({ file, last, bound })

  const again = await started({ file, last, bound, ...(active && { active }) })

  expect(again.published).toEqual([])
  expect(again.told).toEqual([`${file}: version 1 decides, unchanged`])
})

it('takes a text that decides already for published from the file', async () => {
  const { file, last } = scratch('one')
  await started({ file, last, active: { version: 7, text: 'one' } })

  const again = await started({ file, last, active: { version: 8, text: 'two' } })

  expect(again.published).toEqual([])
})

it('publishes where what it noted is garbled', async () => {
  const { file, folder, last } = scratch('one')
  await started({ file, last })
  writeFileSync(join(folder, 'published-from-file'), '{"version":')

  const again = await started({ file, last, active: { version: 2, text: 'two' } })

  expect(again.published).toEqual(['one'])
})

it('says that it is published where that cannot be noted', async () => {
  const { file, folder } = scratch('one')

  const { told } = await started({ file, last: lastPublishedIn(join(folder, 'nowhere')) })

  expect(told[0]).toMatch(/the next start publishes it again.*ENOENT/)
  expect(told[1]).toBe(`${file}: shop decides, version 1`)
})

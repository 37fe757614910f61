import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute, RunningCommand } from '../support/command.ts'

const folder = scratchFolder()
const playbook = join(folder, 'playbook.yaml')
const example = readFileSync(join(import.meta.dirname, '../../../playbooks/fernhill.yaml'), 'utf8')
const args = ['dev', '--data', join(folder, 'data'), '--port', '0', '--admin-port', '0']

let dev: RunningCommand
let env: { HALFSECOND_URL: string; HALFSECOND_ADMIN_URL: string }

async function start(): Promise<void> {
  dev = new RunningCommand([...args, '--playbook', playbook])
  const [, url = '', adminUrl = ''] = await dev.printed(/look here {2}(\S+)\/ .*\n {2}admin +(\S+)/)
  env = { HALFSECOND_URL: url, HALFSECOND_ADMIN_URL: adminUrl }
}

beforeAll(async () => {
  writeFileSync(playbook, example)
  await start()
})

afterAll(() => dev.stop())

describe('halfsecond dev', () => {
  it('publishes the playbook and says where to look', async () => {
    await dev.printed(/playbook\.yaml: fernhill decides, version 1\n/)
    await dev.printed(/saving it publishes it/)

    const page = await fetch(env.HALFSECOND_URL)

    expect(page.headers.get('content-type')).toMatch(/text\/html/)
  })

  it('publishes a saved playbook within a second', async () => {
    const saved = example.replace('Made for every weather', 'Made for this weather')
    const times: number[] = []

    for (const text of [saved, example, saved]) {
      const savedAt = performance.now()
      writeFileSync(playbook, text)
      await dev.printed(new RegExp(`fernhill decides, version ${times.length + 2}\\n`))
      times.push(performance.now() - savedAt)
    }

    // A busy machine takes longer now and then.
    expect(Math.min(...times)).toBeLessThan(1_000)
    const { output } = await execute(['playbook', 'defaults', '--from-node'], { env })
    expect(output).toContain('Made for this weather')
  })

  it('leaves the old version on where the saved one is faulty, and says why', async () => {
    writeFileSync(playbook, example.replace('recent("page"', 'recent("pag"'))

    const [told] = await dev.printed(/playbook\.yaml:\d+:\d+ facts\.\S+: .*\n.*\n +\^+\n.*\n/)

    expect(told).toMatch(/1 fault; version 4 stays on\n$/)
    const { output } = await execute(['status'], { env })
    expect(output).toMatch(/playbook {2}fernhill, version 4/)
  })

  it('stops cleanly, and at the next start does not publish what decides already', async () => {
    writeFileSync(playbook, example)
    await dev.printed(/fernhill decides, version 5\n/)

    const { code } = await dev.stop()
    await start()

    expect(code).toBe(0)
    await dev.printed(/playbook\.yaml: version 5 decides, unchanged\n/)
    const { output } = await execute(['status', '--json'], { env })
    expect(JSON.parse(output)).toMatchObject({
      health: { ready: true },
      playbook: { name: 'fernhill', version: 5 },
    })
  })

  it('leaves on what somebody published meanwhile, until the file is edited', async () => {
    const other = join(folder, 'other.yaml')
    writeFileSync(other, example.replace('Made for every weather', 'Made for other weather'))
    await execute(['playbook', 'publish', other, '--no-trial'], { env })
    await dev.stop()
    await start()

    await dev.printed(
      /playbook\.yaml: unchanged since it was published as version 5; version 6 decides and stays on/,
    )
    const { output } = await execute(['playbook', 'defaults', '--from-node'], { env })
    expect(output).toContain('Made for other weather')

    writeFileSync(playbook, example.replace('Made for every weather', 'Made for any weather'))
    await dev.printed(/fernhill decides, version 7\n/)
  })

  it('publishes a file that was edited while it was stopped', async () => {
    await dev.stop()
    writeFileSync(playbook, example)

    await start()

    await dev.printed(/playbook\.yaml: fernhill decides, version 8\n/)
  })
})

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LmdbDecisions } from '../../src/embedded/lmdb-decisions.ts'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { decisionsSuite } from '../suites/decisions-suite.ts'
import { filesWith } from '../support/files-with.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
const start = 1_700_000_000_000
let opened = 0

function nextPath(): string {
  return join(folder, `decisions-${opened++}`)
}

decisionsSuite(
  'decisions on LMDB',
  () => {
    const path = nextPath()
    const clock = new ManualClock(start)
    let decisions = new LmdbDecisions(path, clock)
    return Promise.resolve({
      decisions,
      another: async () => {
        await decisions.close()
        decisions = new LmdbDecisions(path, clock)
        return decisions
      },
      close: () => decisions.close(),
    })
  },
  { now: () => start, can: ['another'] },
)

describe('decisions on LMDB', () => {
  it('drop the oldest where they are too many bytes, and what is too old', async () => {
    const path = nextPath()
    const clock = new ManualClock(start)
    const bounds = { keptBytesMax: 36, keptMs: 10_000 }
    const decisions = new LmdbDecisions(path, clock, bounds)

    for (const text of ['aaaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc'])
      await decisions.append(0, [Buffer.from(text)])
    const few = await textsIn(decisions)
    clock.advance(10_000)
    await decisions.append(0, [Buffer.from('d')])
    await decisions.close()
    const again = new LmdbDecisions(path, clock, bounds)
    const young = await textsIn(again)
    for (const text of ['eeeeeeeeee', 'ffffffffff', 'g']) await again.append(0, [Buffer.from(text)])
    const last = await textsIn(again)
    await again.close()

    expect(few).toEqual(['bbbbbbbbbb', 'cccccccccc'])
    expect(young).toEqual(['d'])
    expect(last).toEqual(['eeeeeeeeee', 'ffffffffff', 'g'])
  })

  it('are in no file once they are removed', async () => {
    const path = nextPath()
    const clock = new ManualClock(start)
    const decisions = new LmdbDecisions(path, clock)
    await decisions.append(
      0,
      ['kept', 'a secret to forget'].map((text) => Buffer.from(text)),
    )
    const before = filesWith('a secret to forget', path)

    await decisions.remove((one) => Buffer.from(one).includes('secret'))
    await decisions.append(0, [Buffer.from('later')])
    await decisions.close()
    const again = new LmdbDecisions(path, clock)
    const left = await textsIn(again)
    await again.close()

    expect(before).toHaveLength(1)
    expect(filesWith('a secret to forget', path)).toEqual([])
    expect(left).toEqual(['kept', 'later'])
  })

  it('take nothing and give nothing once they are closed', async () => {
    const decisions = new LmdbDecisions(nextPath(), new ManualClock(start))
    await decisions.close()

    await expect(decisions.append(0, [])).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(textsIn(decisions)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

async function textsIn(decisions: LmdbDecisions): Promise<string[]> {
  const texts: string[] = []
  for await (const one of decisions.find(0, 0, start + 60_000))
    texts.push(Buffer.from(one).toString())
  return texts
}

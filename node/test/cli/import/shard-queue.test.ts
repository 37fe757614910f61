import { decodeBatch, encode, HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { type Numbered, ShardQueue } from '../../../src/cli/import/shard-queue.ts'

/** A log that fails as told, and keeps what it was given. */
class ScriptedLog {
  readonly batches: number[][] = []
  private readonly failures: (HalfsecondError | undefined)[]
  private readonly refuses: number
  underWay = 0
  mostUnderWay = 0

  constructor(failures: (HalfsecondError | undefined)[] = [], refuses = 0) {
    this.failures = failures
    this.refuses = refuses
  }

  async publish(bytes: Uint8Array): Promise<number> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay)
    await new Promise((resolve) => setImmediate(resolve))
    this.underWay--
    const failure = this.failures.shift()
    if (failure) throw failure
    const { n, records } = decodeBatch(bytes)
    const lines = records.map((record) => lineOf(record))
    expect(n).toBe(lines[0])
    if (lines.includes(this.refuses)) throw new HalfsecondError('INVALID', 'no')
    this.batches.push(lines)
    return this.batches.length
  }
}

function lineOf(record: unknown): number {
  return typeof record === 'object' && record !== null && 'n' in record ? Number(record.n) : 0
}

function numbered(line: number, size = 0): Numbered {
  return {
    n: line,
    line,
    bytes: encode({ n: line, filling: 'x'.repeat(size) }),
    text: `line ${line}`,
  }
}

async function sent(log: ScriptedLog, records: readonly Numbered[], patienceMs = 10_000) {
  const stored: number[] = []
  const refused: string[] = []
  const told = { stored, refused, trouble: 0, failed: '' }
  const queue = new ShardQueue({
    producer: 'import:test',
    publish: (batch) => log.publish(batch),
    onStored: ({ line }) => told.stored.push(line),
    onRefused: ({ text }, reason) => told.refused.push(`${text}: ${reason}`),
    patienceMs,
    onTrouble: () => {
      told.trouble++
    },
    onFailed: ({ code }) => {
      told.failed = code
    },
    signal: new AbortController().signal,
  })
  for (const record of records) queue.add(record)
  await queue.drained()
  return told
}

describe('the queue of a shard in an import', () => {
  it('sends lines in order, one batch at a time, each record with its own number', async () => {
    const log = new ScriptedLog()
    const lines = Array.from({ length: 40 }, (_, i) => 3 + i * 7)

    const told = await sent(
      log,
      lines.map((line) => numbered(line, 10_000)),
    )

    expect(log.batches.length).toBeGreaterThan(1)
    expect(log.mostUnderWay).toBe(1)
    expect(log.batches.flat()).toEqual(lines)
    expect(told).toEqual({ stored: lines, refused: [], trouble: 0, failed: '' })
  })

  it('sends a batch again until the log takes it', async () => {
    const log = new ScriptedLog([
      new HalfsecondError('UNAVAILABLE', 'away'),
      new HalfsecondError('TIMEOUT', 'late'),
    ])

    const told = await sent(log, [numbered(1), numbered(5)])

    expect(log.batches).toEqual([[1, 5]])
    expect(told).toEqual({ stored: [1, 5], refused: [], trouble: 1, failed: '' })
  })

  it('loses only the record that is refused', async () => {
    const log = new ScriptedLog([], 4)

    const told = await sent(
      log,
      [1, 2, 4, 8, 9].map((line) => numbered(line)),
    )

    expect(log.batches.flat()).toEqual([1, 2, 8, 9])
    expect(told.refused).toEqual(['line 4: INVALID: no'])
    expect(told.failed).toBe('')
  })

  it('fails when the log stays away for longer than patience', async () => {
    const away = Array.from({ length: 50 }, () => new HalfsecondError('UNAVAILABLE', 'away'))

    const told = await sent(new ScriptedLog(away), [numbered(1)], 60)

    expect(told).toEqual({ stored: [], refused: [], trouble: 1, failed: 'UNAVAILABLE' })
  })
})

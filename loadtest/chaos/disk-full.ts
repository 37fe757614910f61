import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from './scenario.ts'

/** Large enough for a store of a few minutes, small enough to be filled at once. */
const diskMiB = 256
const noticeMaxMs = 30_000
const fullMs = 5_000
const healMaxMs = 90_000

/** The disk of one node's store is full: it gives its shards up, and is back once there is room. */
export function diskFull(): Scenario {
  let disk = ''
  return {
    about: "the disk of one node's store is full for a while",
    bounds: { decideP99: 150, decideP999: 500, defaultRatio: 0.001 },
    cluster: {
      prepare: ({ dir }) => {
        disk = join(dir, 'small-disk')
        mkdirSync(disk)
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', disk])
        return Promise.resolve()
      },
      node: (place) => (place === 0 ? { dataDir: join(disk, 'node') } : {}),
      dispose: () => {
        if (disk !== '') execFileSync('umount', ['-l', disk])
        return Promise.resolve()
      },
    },
    async run({ cluster, until, fault }) {
      const { nodes, watch } = cluster
      const [node] = nodes
      if (node === undefined) throw new Error('there are no nodes')
      const ballast = join(disk, 'ballast')
      let slowestMs = 0
      for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
        fill(ballast)
        fault(`filled the disk of ${node.id}`)
        const stoppedAt = await first(() => watch.stoppedAt(node.id), 'no replica was stopped')
        await first(() => (watch.ledBy(node.id).length === 0 ? 1 : undefined), 'it goes on leading')
        slowestMs = Math.max(slowestMs, performance.now() - stoppedAt)
        await sleep(fullMs)
        rmSync(ballast)
        await watch.redundant(
          healMaxMs,
          nodes.map(({ id }) => id),
        )
      }
      return () => [{ figure: 'given-up-after', value: slowestMs, unit: 'ms', atMost: 1_000 }]
    },
  }
}

/** Leaves no block free, whatever the node frees or takes meanwhile. */
function fill(ballast: string): void {
  const file = openSync(ballast, 'w')
  const block = Buffer.alloc(4_096, 1)
  try {
    for (;;) writeSync(file, block)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(file)
  }
}

/** The first value that there is. */
async function first(look: () => number | undefined, otherwise: string): Promise<number> {
  for (const end = performance.now() + noticeMaxMs; performance.now() < end; await sleep(10)) {
    const value = look()
    if (value !== undefined) return value
  }
  throw new Error(`${otherwise} within ${noticeMaxMs / 1_000} s`)
}

import { EmbeddedLog } from '../../src/embedded/embedded-log.ts'
import { systemClock } from '../../src/system/system-clock.ts'

/*
 * A process that appends until it is killed: entry i of a shard holds its number. Prints
 * `shard sequence` for each that was acknowledged.
 */
const [path = ''] = process.argv.slice(2)
const log = new EmbeddedLog(path, 2, systemClock)

async function appendFor(shard: number): Promise<void> {
  for (let next = (await log.extent(shard)).last + 1; ; next++) {
    const sequence = await log.append(shard, Buffer.from(`${next}`.padEnd(300)), 'log')
    process.stdout.write(`${shard} ${sequence}\n`)
  }
}

// More than one at once, so that transactions hold entries of both shards.
await Promise.all([appendFor(0), appendFor(1)])

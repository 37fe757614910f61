import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { printChunk } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface ExportOptions {
  readonly out?: string
  readonly adminUrl?: string
}

const lineFeed = 0x0a

export function addExport(program: Command, around: Surroundings): void {
  program
    .command('export')
    .description('print every profile as one JSON object a line')
    .option('--out <file>', 'write to this file, which appears once it is complete')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (options: ExportOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const chunks = await admin.stream('/v1/export')
      if (options.out === undefined) await copy(chunks, around.output)
      else around.notes.write(`${await copyToFile(chunks, options.out)} profiles\n`)
    })
}

/** Copies until the end, or until the reader has gone. @returns lines */
async function copy(chunks: AsyncIterable<Uint8Array>, output: Writable): Promise<number> {
  let lines = 0
  let last = lineFeed
  try {
    for await (const chunk of chunks) {
      for (const byte of chunk) if (byte === lineFeed) lines++
      last = chunk.at(-1) ?? last
      if (!(await printChunk(output, chunk))) return lines
    }
  } catch (error) {
    throw new HalfsecondError('UNAVAILABLE', 'the export broke off: the node went away', {
      cause: error,
    })
  }
  if (last !== lineFeed) throw new HalfsecondError('UNAVAILABLE', 'the export broke off mid-line')
  return lines
}

async function copyToFile(chunks: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const partial = `${path}.partial`
  const file = createWriteStream(partial)
  try {
    await once(file, 'open')
    const lines = await copy(chunks, file)
    file.end()
    await once(file, 'close')
    await rename(partial, path)
    return lines
  } catch (error) {
    file.destroy()
    await rm(partial, { force: true })
    throw error
  }
}

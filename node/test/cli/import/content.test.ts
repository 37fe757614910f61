import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type Content, openContent } from '../../../src/cli/import/content.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'

const folder = scratchFolder()
const text = 'a line\n'.repeat(50_000)

async function read(content: Content): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of content.read()) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function file(name: string, bytes: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const nothing = Readable.from([])

describe('what is imported', () => {
  it('is the same from a file, a packed file in parts, and standard input', async () => {
    const parts = [text.slice(0, 1_000), text.slice(1_000)].map((part) => gzipSync(part))
    const plain = await openContent(file('plain', text), nothing)
    const packed = await openContent(file('packed', Buffer.concat(parts)), nothing)
    const piped = await openContent('-', Readable.from([gzipSync(text)]))

    for (const content of [plain, packed, piped]) {
      expect(content.bytes).toBe(text.length)
      expect(content.head.toString()).toBe(text.slice(0, 64 * 1024))
      expect(content.hash('m')).toBe(plain.hash('m'))
      expect(await read(content)).toBe(text)
      await content.close()
    }
    expect(plain.hash('m')).not.toBe(plain.hash('other'))
  })

  it('stays what it was when the file grows meanwhile', async () => {
    const path = file('grows', text)
    const content = await openContent(path, nothing)

    writeFileSync(path, 'more\n', { flag: 'a' })

    expect(await read(content)).toBe(text)
  })

  it('may be empty', async () => {
    const content = await openContent(file('empty', ''), nothing)

    expect(await read(content)).toBe('')
  })

  it('is refused as a whole where it cannot be unpacked', async () => {
    const path = file('cut.gz', gzipSync(text).subarray(0, 200))

    await expect(openContent(path, nothing)).rejects.toThrow(
      /cannot read .*cut\.gz: unexpected end/,
    )
    expect(existsSync(path)).toBe(true)
  })
})

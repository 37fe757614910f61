import { describe, expect, it } from 'vitest'
import { toldBy } from '../../../src/cli/import/told-by.ts'

describe('what a source has told', () => {
  it('is read line by line, wherever the pieces of an answer end', async () => {
    const views = Array.from({ length: 20 }, (_, i) => ({ identifier: `crm:${i}`, traits: {} }))
    const text = views.map((view) => `${JSON.stringify(view)}\n`).join('')
    const asked: string[] = []
    const admin = {
      stream: async (path: string) => {
        asked.push(path)
        return pieces(text)
      },
    }

    const found = []
    for await (const view of toldBy('crm & co', admin)) found.push(view)

    expect(found).toEqual(views)
    expect(asked).toEqual(['/v1/export?source=crm%20%26%20co'])
  })
})

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 13) yield Buffer.from(text.slice(at, at + 13))
}

import { isFields } from '@halfsecond/protocol'
import type { AdminClient } from '../admin-client.ts'
import type { Fields } from '../fields.ts'
import { LineSplitter } from './line-splitter.ts'
import { parseJson } from './ndjson.ts'

/** What a source has told so far, fragment by fragment, of everybody in the cluster. */
export async function* toldBy(
  source: string,
  admin: Pick<AdminClient, 'stream'>,
): AsyncGenerator<Fields> {
  const splitter = new LineSplitter()
  for await (const chunk of await admin.stream(`/v1/export?source=${encodeURIComponent(source)}`))
    for (const { text } of splitter.push(Buffer.from(chunk))) yield* viewIn(text)
  for (const { text } of splitter.end()) yield* viewIn(text)
}

function* viewIn(text: string): Generator<Fields> {
  const value = parseJson(text)
  if (isFields(value)) yield value
}

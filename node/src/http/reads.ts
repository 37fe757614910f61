import { HalfsecondError } from '@halfsecond/protocol'
import type { NodeApi } from '../runtime/node-api.ts'
import type { ReadRequest } from '../runtime/reads.ts'

/** The whole answer of whichever node holds the visitor, as JSON text; empty where nothing is known. */
export async function readAll(request: ReadRequest, api: NodeApi): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of api.read(request)) parts.push(part)
  return Buffer.concat(parts)
}

/** What whichever node holds the visitor would show, and why: passed on as it is. */
export async function explanationsOf(
  request: ReadRequest & { readonly what: 'why' },
  api: NodeApi,
): Promise<readonly unknown[]> {
  const explanations: unknown = JSON.parse((await readAll(request, api)).toString())
  if (Array.isArray(explanations)) return explanations
  throw new HalfsecondError('UNAVAILABLE', 'the node that holds the visitor explains nothing')
}

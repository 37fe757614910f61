import { encode } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { requestOf, sendRaw } from './support/raw-request.ts'
import { startServer } from './support/running-server.ts'

const documented = new Set([200, 207, 400, 403, 404, 413, 415, 422])

const paths = fc.constantFrom('/v1/events', '/v1/decide', '/v1/outcomes', '/v1/landings')

/** Values near to what the doors take, so that they get beyond the first check. */
const nearly = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.record({
    records: fc.array(
      fc.record(
        {
          kind: fc.constantFrom('event', 'traits', 'link', 'tick', 'erase', 'consent', 7),
          id: fc.oneof(fc.string(), fc.integer()),
          key: fc.oneof(fc.constant('anon:x'), fc.string(), fc.jsonValue()),
          at: fc.oneof(fc.double(), fc.integer(), fc.string()),
          name: fc.string(),
          properties: fc.jsonValue(),
          set: fc.jsonValue(),
          to: fc.jsonValue(),
          n: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    ),
  }),
  fc.record(
    {
      identifiers: fc.oneof(fc.constant({ anon: 'x' }), fc.jsonValue()),
      placements: fc.oneof(fc.constant(['home']), fc.array(fc.string())),
      position: fc.string(),
      deadline: fc.double(),
      token: fc.string(),
      outcome: fc.constantFrom('click', 'clap'),
    },
    { requiredKeys: [] },
  ),
)

describe('whatever a door is sent', () => {
  it('as JSON gets a documented answer', async () => {
    const node = new FakeNode()
    const { port, failures } = await startServer(node)

    await fc.assert(
      fc.asyncProperty(paths, nearly, async (path, value) => {
        const request = requestOf(
          'POST',
          path,
          ['content-type: application/json'],
          JSON.stringify(value),
        )

        const { status } = await sendRaw(port, request)

        expect(documented).toContain(status)
        expect(failures).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('as bytes gets a documented answer', async () => {
    const node = new FakeNode()
    const { port, failures } = await startServer(node)
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      nearly.map((value) => encode(value)),
    )
    const types = fc.constantFrom('application/msgpack', 'application/json', 'text/plain')

    await fc.assert(
      fc.asyncProperty(paths, types, bytes, async (path, type, body) => {
        const request = requestOf('POST', path, [`content-type: ${type}`], body)

        const { status } = await sendRaw(port, request)

        expect(documented).toContain(status)
        expect(failures).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})

import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { get, startServer } from './support/running-server.ts'

describe('experiments at the admin door', () => {
  it('are listed, with the arm that the others are compared with', async () => {
    const { adminUrl } = await startServer(new FakeNode())

    expect((await get(`${adminUrl}/v1/experiments`)).body).toEqual({
      experiments: [
        {
          experiment: 'hero-order',
          placements: ['web.hero'],
          arms: [
            { arm: 'ours', share: 0.9, shows: 'rules' },
            { arm: 'none', share: 0.05, shows: 'fallback' },
            { arm: 'any', share: 0.05, shows: 'random' },
          ],
          control: 'none',
          measure: 'accept within 7 days',
          guardrails: ['dismiss within 7 days'],
          starts: '2026-12-01T00:00:00.000Z',
          ends: null,
        },
      ],
    })
  })

  it('are reported with their verdict in words', async () => {
    const { adminUrl } = await startServer(new FakeNode())
    const { status, body } = await get(`${adminUrl}/v1/experiments/hero-order`)

    expect(status).toBe(200)
    expect(body).toMatchObject({
      experiment: 'hero-order',
      at: '2026-12-24T00:00:00.000Z',
      control: 'none',
      words: expect.arrayContaining([expect.stringContaining('ours is better than none')]),
      arms: [
        {
          arm: 'ours',
          days: expect.arrayContaining([
            expect.objectContaining({ at: '2026-12-01T00:00:00.000Z' }),
          ]),
        },
        {},
        {},
      ],
      sampleRatio: { isAlarm: false },
      measures: [{ measure: 'accept within 7 days' }, { isGuardrail: true }],
    })
  })

  it('that the playbook does not have are refused', async () => {
    const { adminUrl } = await startServer(new FakeNode())

    expect((await get(`${adminUrl}/v1/experiments/other`)).status).toBe(422)
  })
})

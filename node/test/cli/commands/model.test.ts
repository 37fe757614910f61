import { describe, expect, it } from 'vitest'
import { encodeVersion } from '../../../src/core/learning/version-codec.ts'
import { FakeNode } from '../../http/support/fake-node.ts'
import { startServer } from '../../http/support/running-server.ts'
import { cell, learned, madeOf } from '../../support/learned.ts'
import { execute } from '../support/command.ts'

const placements = [learned('footer', ['boots', 'shoes']), learned('hero', ['boots', 'shoes'])]

async function surroundings() {
  const node = new FakeNode()
  for (const rewards of [10, 100]) {
    const cells = [
      cell('hero', 'boots', 'gold', 1_000, rewards),
      cell('hero', 'shoes', 'gold', 50, 0),
      cell('footer', 'boots', '', 200, 4),
    ]
    const version = madeOf(placements, [{ shard: 0, position: 1, at: 1, cells }])
    const last = await node.models.newest()
    await node.models.publish((last?.version ?? 0) + 1, encodeVersion(version))
  }
  const { adminUrl } = await startServer(node)
  return { env: { HALFSECOND_ADMIN_URL: adminUrl } }
}

describe('the command model', () => {
  it('lists the versions that are kept, latest first', async () => {
    const { output, code } = await execute(['model', 'ls'], await surroundings())
    const rows = output.split('\n').map((line) => line.split(/ {2,}/))

    expect(code).toBe(0)
    expect(rows[0]).toEqual(['model', 'published', 'playbook', 'beliefs', 'placements'])
    expect(rows.slice(1, -1).map(([model, , ...rest]) => [model, ...rest])).toEqual([
      ['2', '1', '9', 'footer, hero'],
      ['1', '1', '9', 'footer, hero'],
    ])
  })

  it('shows what the newest version says of a placement, the best arm of a bucket first', async () => {
    const args = ['model', 'show', '--placement', 'hero']
    const { output } = await execute(args, await surroundings())
    const lines = output.split('\n')

    expect(lines[0]).toMatch(/^model 2, published 20.* UTC, of playbook 1$/)
    expect(lines[2]).toBe(
      'hero: click within 30 minutes, half forgotten after 7 days; trainer bandit',
    )
    expect(lines[3]).toMatch(
      /^ {2}bucket +offer +treatment +trials +rewards +rate +90 % between +wins$/,
    )
    expect(lines[4]).toMatch(
      /^ {2}gold +boots +banner +1000 +100 +9\.8 % +[\d.]+ % – \d+ % +\d\d+ %$/,
    )
    expect(lines[5]).toMatch(/^ {2}gold +shoes +banner +50\.0 +0\.0 /)
    expect(output).toContain('  (any other)  boots')
    expect(output).not.toContain('footer')
  })

  it('leaves out buckets where there is one, and shows an older version', async () => {
    const args = ['model', 'show', '1', '--placement', 'footer']
    const { output } = await execute(args, await surroundings())

    expect(output).toMatch(/^model 1,/)
    expect(output).toMatch(/^ {2}offer +treatment/m)
    expect(output).toMatch(/^ {2}boots +banner +200 +4\.0 /m)
  })

  it('prints all of it for machines: shares of wins sum up to 1', async () => {
    const { output } = await execute(['model', 'show', '--json'], await surroundings())
    const shown = JSON.parse(output)

    expect(shown).toMatchObject({ version: 2, playbook: 1, positions: [1], beliefs: 9 })
    for (const { buckets } of shown.placements)
      for (const { arms } of buckets) {
        const wins = arms.map((arm: { readonly wins: number }) => arm.wins)
        expect(wins.reduce((sum: number, one: number) => sum + one, 0)).toBeCloseTo(1, 9)
        for (const { low, rate, high } of arms) {
          expect(low).toBeLessThan(rate)
          expect(rate).toBeLessThan(high)
        }
      }
  })

  it.each([
    [['model', 'show', '7'], /model 7 is not kept/],
    [['model', 'show', 'x'], /"x" is no number/],
    [['model', 'show', '--placement', 'nowhere'], /knows footer, hero/],
  ])('says what is wrong with %j', async (args, message) => {
    const { notes, code } = await execute(args, await surroundings())

    expect(code).not.toBe(0)
    expect(notes).toMatch(message)
  })

  it('says where nothing was learnt yet', async () => {
    const { adminUrl } = await startServer(new FakeNode())
    const around = { env: { HALFSECOND_ADMIN_URL: adminUrl } }

    expect((await execute(['model', 'ls'], around)).output).toBe('nothing was learnt yet\n')
    expect((await execute(['model', 'show'], around)).notes).toMatch(/nothing was learnt yet/)
  })
})

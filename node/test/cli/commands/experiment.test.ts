import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FakeNode } from '../../http/support/fake-node.ts'
import { startServer } from '../../http/support/running-server.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()

async function surroundings() {
  const { adminUrl } = await startServer(new FakeNode())
  return { env: { HALFSECOND_ADMIN_URL: adminUrl } }
}

describe('the command experiment', () => {
  it('lists the experiments of the playbook that decides', async () => {
    const { output, code } = await execute(['experiment', 'ls'], await surroundings())

    expect(code).toBe(0)
    expect(output.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['experiment', 'placements', 'arms', 'measure', 'since', 'until'],
      [
        'hero-order',
        'web.hero',
        'ours 90 %, none 5 %, any 5 %',
        'accept within 7 days',
        '2026-12-01',
        '-',
      ],
      [''],
    ])
  })

  it('reports the verdict first, then the figures that it is by', async () => {
    const { output } = await execute(['experiment', 'report', 'hero-order'], await surroundings())
    const lines = output.split('\n')

    expect(lines[0]).toBe('hero-order: accept within 7 days, since 2026-12-01')
    expect(lines[2]).toMatch(/^ {2}ours is better than none: \d/)
    expect(lines).toContain(
      'ours  rules     27,020  90.00 %   90.02 %  26.32 % of 1,900 decisions, 100 not known',
    )
    expect(output).toMatch(/ours {2}27,020 +2,079 +7\.69 % +\+\d+\.\d % \(\+\d+\.\d % to \+\d+ %\)/)
    expect(output).toContain('guardrail dismiss within 7 days')
    expect(output).toMatch(/shares: as promised \(p = 0\.\d{4}\)/)
  })

  it('compares with the arm that is asked for', async () => {
    const { output } = await execute(
      ['experiment', 'report', 'hero-order', '--against', 'any'],
      await surroundings(),
    )

    expect(output).toContain('ours is better than any')
  })

  it('prints what the node answered as JSON', async () => {
    const { output } = await execute(
      ['experiment', 'report', 'hero-order', '--json'],
      await surroundings(),
    )

    expect(JSON.parse(output)).toMatchObject({
      experiment: 'hero-order',
      control: 'none',
      measures: [{}, {}],
    })
  })

  it('writes a picture that names each arm and its interval', async () => {
    const file = join(folder, 'report.svg')
    await execute(['experiment', 'report', 'hero-order', '--picture', file], await surroundings())
    const picture = await readFile(file, 'utf8')

    expect(picture).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    expect(picture).toContain('>ours</text>')
    expect(picture).toMatch(/>\+\d+\.\d % to \+\d+ %<\/text>/)
    expect(picture.match(/<polyline /g)).toHaveLength(2)
  })

  it('says where a picture cannot be written', async () => {
    const file = join(folder, 'nowhere', 'report.svg')
    const { code, notes } = await execute(
      ['experiment', 'report', 'hero-order', '--picture', file],
      await surroundings(),
    )

    expect(code).toBe(1)
    expect(notes).toContain('cannot be written')
  })
})

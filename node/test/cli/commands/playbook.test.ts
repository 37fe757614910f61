import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const good = `playbook: shop
consent: { personalise: assumed }
events:
  complaint: { about: string }
placements:
  home: { channel: web, format: banner, fallback: { title: Welcome } }
offers:
  call-back:
    when: count("complaint", "30d") > 0
    treatments:
      banner: { title: We call you }
`
const folder = scratchFolder()
const goodFile = join(folder, 'good.yaml')
const faultyFile = join(folder, 'faulty.yaml')
writeFileSync(goodFile, good)
writeFileSync(faultyFile, good.replace('count("complaint"', 'count("complaimt"'))

describe('playbook check', () => {
  it('ends with 0 for good playbooks', async () => {
    const { code, output } = await execute(['playbook', 'check', goodFile])

    expect({ code, output }).toEqual({
      code: 0,
      output: `${goodFile}: good; shop: 1 placements, 1 offers shown there, 0 facts\n`,
    })
  })

  it('tells each fault with its place and a caret, and ends with 1', async () => {
    const { code, output } = await execute(['playbook', 'check', goodFile, faultyFile])

    expect(code).toBe(1)
    expect(output).toMatch(
      /faulty\.yaml:9:\d+ offers\.call-back\.when: .*complaimt.*did you mean "complaint"\?\n {4}count\("complaimt", "30d"\) > 0\n {4} +\^+\n1 fault\n$/,
    )
  })

  it('tells the same as JSON', async () => {
    const { code, output } = await execute(['playbook', 'check', goodFile, faultyFile, '--json'])

    expect(code).toBe(1)
    expect(JSON.parse(output)).toEqual({
      files: [
        { file: goodFile, ok: true, name: 'shop' },
        {
          file: faultyFile,
          ok: false,
          faults: [expect.objectContaining({ line: 9, path: 'offers.call-back.when' })],
        },
      ],
    })
  })

  it('reads standard input', async () => {
    const { code } = await execute(['playbook', 'check', '-'], { input: good })

    expect(code).toBe(0)
  })
})

describe('playbook publish', () => {
  it('only checks in a dry run', async () => {
    const { code, output } = await execute(['playbook', 'publish', goodFile, '--dry-run'])

    expect(code).toBe(0)
    expect(output).toMatch(/good; shop: .*; not published\n$/)
  })

  it('sends nothing that is faulty', async () => {
    const { code, output, notes } = await execute(['playbook', 'publish', faultyFile])

    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(notes).toMatch(/faulty\.yaml:9:.*1 fault; not published\n$/s)
  })
})

describe('playbook defaults', () => {
  it('prints the defaults file of a playbook', async () => {
    const { code, output } = await execute(['playbook', 'defaults', goodFile])

    expect(code).toBe(0)
    expect(JSON.parse(output)).toEqual({ home: { title: 'Welcome' } })
  })
})

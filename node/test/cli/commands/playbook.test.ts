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
        { file: goodFile, ok: true, name: 'shop', warnings: [] },
        {
          file: faultyFile,
          ok: false,
          faults: [expect.objectContaining({ line: 9, path: 'offers.call-back.when' })],
        },
      ],
    })
  })

  it('warns of what is hardly meant, and ends with 0', async () => {
    const input = good.replace('> 0', '< 0')

    const { code, output } = await execute(['playbook', 'check', '-'], { input })

    expect(code).toBe(0)
    expect(output).toMatch(
      /^-:9:11 offers\.call-back\.when: warning: this never holds, so the offer is never shown\n-: good; /,
    )
  })

  it('reads standard input', async () => {
    const { code } = await execute(['playbook', 'check', '-'], { input: good })

    expect(code).toBe(0)
  })
})

describe('playbook test', () => {
  const tested = `${good}
tests:
  - { it: a stranger sees the default, given: [], then: [{ at: home, fallback: true }] }
  - { it: a stranger is called, given: [], then: [{ at: home, offer: call-back }] }
`

  it('tells each case, and ends with 1 where one fails', async () => {
    const { code, output } = await execute(['playbook', 'test', '-'], { input: tested })

    expect(code).toBe(1)
    expect(output).toMatch(
      /^ok {3}a stranger sees the default\nFAIL a stranger is called\n {5}-:\d+:\d+ tests\.1\S* .* call-back is expected, but when: .*\n-: 1 passed, 1 failed\n$/,
    )
  })

  it('tells the same as JSON', async () => {
    const { output } = await execute(['playbook', 'test', '-', '--json'], { input: tested })

    const [file] = JSON.parse(output).files
    expect(file).toMatchObject({ file: '-', ok: false })
    expect(file.cases.map(({ ok }: { ok: boolean }) => ok)).toEqual([true, false])
  })

  it('tells the faults of what is no playbook', async () => {
    const { code, output } = await execute(['playbook', 'test', faultyFile])

    expect(code).toBe(1)
    expect(output).toContain('1 fault')
  })
})

describe('playbook publish', () => {
  it('sends nothing that is faulty', async () => {
    const { code, output, notes } = await execute(['playbook', 'publish', faultyFile])

    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(notes).toMatch(/faulty\.yaml:9:.*1 fault; not published\n$/s)
  })
})

describe('playbook diff', () => {
  it('tells what one file says that another does not', async () => {
    const other = good.replace('> 0', '> 1').replace('We call you', 'Call us')

    const { code, output } = await execute(['playbook', 'diff', goodFile, '-'], { input: other })

    expect({ code, output }).toEqual({
      code: 0,
      output: `changes: 2 changed
  ~ offer call-back: when: count("complaint", "30d") > 0 → count("complaint", "30d") > 1
  ~ offer call-back: treatments banner: {"title":"We call you"} → {"title":"Call us"}
`,
    })
  })

  it('tells the same as JSON', async () => {
    const other = good.replace('We call you', 'Call us')

    const command = ['playbook', 'diff', goodFile, '-', '--json']
    const { output } = await execute(command, { input: other })

    expect(JSON.parse(output)).toEqual({
      added: 0,
      removed: 0,
      changed: 1,
      changes: [
        {
          kind: 'changed',
          path: ['offers', 'call-back', 'treatments', 'banner'],
          before: { title: 'We call you' },
          after: { title: 'Call us' },
        },
      ],
    })
  })

  it('tells the faults of what is no playbook', async () => {
    const { code, notes } = await execute(['playbook', 'diff', goodFile, '-'], { input: 'a: 1' })

    expect(code).toBe(1)
    expect(notes).toContain('-:1:1 ')
  })
})

describe('playbook defaults', () => {
  it('prints the defaults file of a playbook', async () => {
    const { code, output } = await execute(['playbook', 'defaults', goodFile])

    expect(code).toBe(0)
    expect(JSON.parse(output)).toEqual({ home: { title: 'Welcome' } })
  })
})

import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { PlaybookError } from '../../src/playbook/faults.ts'

function text(more: string): string {
  return `
playbook: shop
events: { complaint: {} }
facts:
  complaining: count("complaint", "30d") > 0
  onWeb: channel == "web"
  loudOnWeb: complaining && onWeb
placements:
  email.top: { channel: email, format: banner, fallback: none }
  call.prompt: { channel: call, format: banner, fallback: none }
${more}`
}

function faultsOf(more: string): string[] {
  try {
    compilePlaybook(text(more))
    return []
  } catch (error) {
    if (error instanceof PlaybookError)
      return error.faults.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
}

describe('segments of a playbook', () => {
  it('are facts, with the placements that entering them is decided for', () => {
    const { segments } = compilePlaybook(
      text(`
segments: [complaining]
triggers: [{ when: entered(complaining), at: email.top }, { when: "entered( complaining )", at: call.prompt }]`),
    )

    expect(segments).toHaveLength(1)
    expect(segments[0]).toMatchObject({ name: 'complaining', fact: 0 })
    expect(segments[0]?.triggers.map(({ name }) => name)).toEqual(['email.top', 'call.prompt'])
  })

  it('are none where the playbook names none', () => {
    expect(compilePlaybook(text('')).segments).toEqual([])
  })

  it('name facts that exist, once, and that do not ask where content is shown', () => {
    expect(faultsOf('segments: [complaning, complaining, complaining, loudOnWeb]')).toEqual([
      'segments.0: no fact "complaning"; did you mean "complaining"?',
      'segments.2: this segment is here twice',
      'segments.3: this fact asks where content is shown; whether somebody is in a segment does not depend on that',
    ])
  })

  it('trigger decisions at placements that exist, once each', () => {
    expect(
      faultsOf(`
segments: [complaining]
triggers:
  - { when: left(complaining), at: email.top }
  - { when: entered(complaning), at: email.topp }
  - { when: entered(onWeb), at: email.top }
  - { when: entered(complaining), at: email.top }
  - { when: entered(complaining), at: email.top }`),
    ).toEqual([
      'triggers.0.when: a trigger begins with entered(SEGMENT)',
      'triggers.1.when: no segment "complaning"; did you mean "complaining"?',
      'triggers.1.at: no placement "email.topp"; did you mean "email.top"?',
      'triggers.2.when: no segment "onWeb": list the fact under segments',
      'triggers.4: this trigger is here twice',
    ])
  })

  it('are at most 32', () => {
    const names = Array.from({ length: 33 }, (_, i) => `f${i}`).join(', ')
    expect(faultsOf(`segments: [${names}]`)[0]).toContain('segments: ')
  })
})

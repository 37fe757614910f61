import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { HalfsecondError } from '@halfsecond/protocol'
import type { Playbook } from '../core/decision/playbook.ts'
import { compilePlaybook } from '../playbook/compile-playbook.ts'
import { describeFault, type Fault, PlaybookError } from '../playbook/faults.ts'
import { runPlaybookTests } from '../playbook/playbook-tests.ts'
import { ZoneCalendar } from '../system/zone-calendar.ts'

/** The text of a file, or of standard input for `-`. @throws HalfsecondError `INVALID` */
export async function readText(path: string, input: Readable): Promise<string> {
  try {
    return path === '-' ? await text(input) : await readFile(path, 'utf8')
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new HalfsecondError('INVALID', `cannot read ${path}: ${detail}`, { cause: error })
  }
}

export type Checked =
  | {
      readonly playbook: Playbook
      /** What is no fault, but hardly meant. */
      readonly warnings: readonly Fault[]
      readonly faults?: never
    }
  | {
      readonly faults: readonly Fault[]
      readonly warnings?: never
      readonly playbook?: never
    }

export function checkPlaybook(source: string): Checked {
  try {
    return { playbook: compilePlaybook(source), warnings: [] }
  } catch (error) {
    if (error instanceof PlaybookError) return { faults: error.faults }
    throw error
  }
}

/** As `checkPlaybook`; a case of its own that fails is a fault too. */
export function testPlaybook(source: string): Checked {
  try {
    const { playbook, failures, warnings } = runPlaybookTests(source, new ZoneCalendar())
    return failures.length > 0 ? { faults: failures } : { playbook, warnings }
  } catch (error) {
    if (error instanceof PlaybookError) return { faults: error.faults }
    throw error
  }
}

/** What the cases of a playbook come to, or why it is none. */
export type Tested =
  | {
      readonly cases: readonly {
        readonly it: string
        readonly ok: boolean
        readonly faults: readonly Fault[]
      }[]
      readonly faults?: never
    }
  | { readonly faults: readonly Fault[]; readonly cases?: never }

/** Runs a playbook's own cases. */
export function testCases(text: string): Tested {
  try {
    const { source, failures } = runPlaybookTests(text, new ZoneCalendar())
    const cases = (source.tests ?? []).map(({ it }, index) => {
      const path = `tests.${index}`
      const faults = failures.filter((one) => one.path === path || one.path.startsWith(`${path}.`))
      return { it, ok: faults.length === 0, faults }
    })
    return { cases }
  } catch (error) {
    if (error instanceof PlaybookError) return { faults: error.faults }
    throw error
  }
}

/** All faults of a file, and how many. */
export function describeFaults(file: string, faults: readonly Fault[]): string {
  const lines = faults.map((fault) => describeFault(file, fault))
  return [...lines, `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`].join('\n')
}

/** `fernhill: 4 placements, 7 offers, 4 facts` */
export function describePlaybook({ name, placements, facts }: Playbook): string {
  const offers = new Set<string>()
  for (const { candidates } of placements.values()) {
    for (const { offer } of candidates) offers.add(offer.name)
  }
  return `${name}: ${placements.size} placements, ${offers.size} offers shown there, ${facts.length} facts`
}

import { describeFault, type Fault, PlaybookError } from '../../src/playbook/faults.ts'
import { runPlaybookTests } from '../../src/playbook/playbook-tests.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'

/** Every fault that a check of this text tells. */
export function faultsOf(text: string): readonly Fault[] {
  try {
    return runPlaybookTests(text, new ZoneCalendar()).failures
  } catch (error) {
    if (error instanceof PlaybookError) return error.faults
    throw error
  }
}

/** The same as the command prints them. */
export function told(text: string): string[] {
  return faultsOf(text).map((fault) => describeFault('p.yaml', fault))
}

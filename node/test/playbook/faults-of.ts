import { checkPlaybook } from '../../src/playbook/check-playbook.ts'
import { describeFault, type Fault, PlaybookError } from '../../src/playbook/faults.ts'

/** Every fault that a check of this text tells. */
export function faultsOf(text: string): readonly Fault[] {
  try {
    return checkPlaybook(text).failures
  } catch (error) {
    if (error instanceof PlaybookError) return error.faults
    throw error
  }
}

/** The same as the command prints them. */
export function told(text: string): string[] {
  return faultsOf(text).map((fault) => describeFault('p.yaml', fault))
}

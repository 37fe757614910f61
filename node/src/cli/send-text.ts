import type { Fault } from '../playbook/faults.ts'
import { type AdminClient, Problem } from './admin-client.ts'
import { Exit, exitCodes } from './failure.ts'
import { type Fields, fieldsOf, listOf, textOf } from './fields.ts'
import { describeFaults } from './playbook-file.ts'
import type { Surroundings } from './surroundings.ts'

/** What an author wrote, and where it goes. */
export interface SentText {
  readonly file: string
  readonly text: string
  readonly path: string
  /** What has become of it where it is faulty, in words. */
  readonly refusal: string
}

/**
 * Sends it, however long the answer takes: much is read for it. Its faults are told with their places
 * in the file.
 */
export async function sendText(
  { file, text, path, refusal }: SentText,
  admin: AdminClient,
  around: Surroundings,
): Promise<Fields> {
  try {
    // A type that both forms have: JSON is YAML.
    return fieldsOf(await admin.postLong(path, 'application/yaml', text))
  } catch (error) {
    const faults = faultsIn(error)
    if (faults === undefined) throw error
    around.notes.write(`${describeFaults(file, faults)}; ${refusal}\n`)
    throw new Exit(exitCodes.failed)
  }
}

/** The faults that a node found in a text; undefined for any other failure. */
function faultsIn(thrown: unknown): readonly Fault[] | undefined {
  if (!(thrown instanceof Problem)) return undefined
  const faults = listOf(thrown.details.faults)
  return faults.length === 0 ? undefined : faults.map(faultOf)
}

function faultOf({ line, column, path, message }: Fields): Fault {
  const place = { line: Number(line), column: Number(column) }
  return { ...place, path: textOf(path), message: textOf(message) }
}

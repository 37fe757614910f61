import { copyRows } from './copy-rows.ts'
import { type Environment, openEnvironment, type Rowset } from './environment.ts'
import { nextFolder, promoteFolder, removeOthers } from './generations.ts'

/**
 * Copies rows to a new file, and removes the one before: then no file holds what was removed from
 * them. Nobody may write meanwhile.
 * @param path of the environment, whichever generation of it counts
 * @param moved takes the new environment over, before the one before is closed
 */
export async function rewriteRows(
  path: string,
  before: Environment,
  rowsets: ReadonlyMap<string, Rowset>,
  pause: () => Promise<void>,
  moved: (environment: Environment) => void,
): Promise<void> {
  const next = nextFolder(path)
  await copyRows(rowsets, next, pause)
  const folder = promoteFolder(path, next)
  moved(openEnvironment(folder))
  await before.close()
  removeOthers(path, folder)
}

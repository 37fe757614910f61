import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { syncFolder } from './sync-folder.ts'

/*
 * LMDB never gives pages back, and a page that is free, or not full, keeps what was on it. So what
 * must be in no file is got rid of by copying all rows to a new environment. The first one lies in
 * its folder itself, the copies in numbered folders within:
 *
 *   data.mdb            the first
 *   3/data.mdb          the third: it counts, for it is the greatest
 *   new-4/data.mdb      a copy that is not complete: it counts as none
 */

const unfinished = 'new-'

/** The folder of the environment that counts. Removes what a process that ended left of others. */
export function currentFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const current = greatest(path)
  const folder = current === 0 ? path : join(path, String(current))
  removeOthers(path, folder)
  return folder
}

/** Where the next copy is written to. */
export function nextFolder(path: string): string {
  const folder = join(path, `${unfinished}${greatest(path) + 1}`)
  rmSync(folder, { recursive: true, force: true })
  return folder
}

/** The copy is complete and closed: from now on it counts. Returns its folder. */
export function promoteFolder(path: string, next: string): string {
  const folder = join(path, basename(next).slice(unfinished.length))
  syncFolder(next)
  renameSync(next, folder)
  syncFolder(path)
  return folder
}

/** Removes every environment but the one in `folder`. Only once no other one is open. */
export function removeOthers(path: string, folder: string): void {
  for (const name of readdirSync(path)) {
    const one = join(path, name)
    const isOurs = /^(new-)?\d+$/.test(name) || name === 'data.mdb' || name === 'lock.mdb'
    const isKept = one === folder || (path === folder && name.endsWith('.mdb'))
    if (isOurs && !isKept) rmSync(one, { recursive: true, force: true })
  }
}

function greatest(path: string): number {
  const numbers = readdirSync(path)
    .filter((name) => /^\d+$/.test(name) && existsSync(join(path, name, 'data.mdb')))
    .map(Number)
  return Math.max(0, ...numbers)
}

import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Has the names in a folder on disk, as `fsync` of a file has its bytes. */
export function syncFolder(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

import { readFile } from 'node:fs/promises'

/**
 * Memory that a process has for itself, without pages of files that it maps: a store's pages belong
 * to the system, which takes them back when it needs them. Undefined where the system is not Linux.
 */
export async function privateBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
}

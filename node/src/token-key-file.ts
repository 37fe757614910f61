import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The text of the token keys that this data directory keeps, made at first use and readable by its
 * owner only: so that tokens outlive a restart where nobody configured keys.
 */
export function tokenKeysIn(dataDir: string): string {
  const path = join(dataDir, 'token-keys')
  if (existsSync(path)) return readFileSync(path, 'utf8').trim()
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const text = `local:${randomBytes(32).toString('base64')}`
  writeFileSync(path, `${text}\n`, { mode: 0o600, flag: 'wx' })
  return text
}

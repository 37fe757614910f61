import type { ShareSource } from './source.ts'

/** From 0 to 1. @param share as the schema has it: `5%` or 0.05 */
export function shareOf(share: ShareSource): number {
  return typeof share === 'number' ? share : Number(share.slice(0, -1)) / 100
}

import { encode, type FragmentId } from '@halfsecond/protocol'
import { hash64Hex } from '../digest.ts'

/** How somebody is remembered where their name must not outlive an erase. */
export function nameHash(id: FragmentId): string {
  return hash64Hex(encode(id))
}

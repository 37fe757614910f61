import { builtInNamespaces, parseIdentifier } from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'

export const keysText = `k1:${Buffer.alloc(32, 1).toString('base64')}`

/** A token as nodes sign it. */
export function tokenOf(expiresAt: number, keys = keysText, key = 'anon:a'): string {
  return new TokenKeys(keys).sign({
    decision: '01J00000000000000000000000',
    key: parseIdentifier(key, builtInNamespaces),
    placement: 'hero',
    offer: 'card',
    treatment: 'banner',
    playbook: 1,
    decidedAt: 0,
    expiresAt,
  })
}

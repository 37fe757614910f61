import { type FragmentId, type Identifier, parseIdentifier } from '@halfsecond/protocol'

export const shardCount = 4

/** Whom histories are about: three classes, and homes on every shard. */
export const accounts: readonly Identifier[] = ['user:ann', 'user:eve', 'crm:7'].map(parsed)
export const contacts: readonly Identifier[] = ['email:a@x.io', 'email:b@x.io'].map(parsed)
export const devices: readonly Identifier[] = ['anon:c1', 'anon:c2', 'anon:c3', 'anon:c4'].map(
  parsed,
)
export const people: readonly Identifier[] = [...accounts, ...contacts, ...devices]

export function isDevice(id: FragmentId): boolean {
  return id.startsWith('anon:')
}

function parsed(text: string): Identifier {
  return parseIdentifier(text)
}

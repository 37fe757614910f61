import { builtInNamespaces, type Namespaces } from '@halfsecond/protocol'

/** How one namespace takes part in recognition. */
export interface NamespaceRule {
  /** Identifiers of the namespace that one profile may have; 1: it is unique. */
  readonly max: number
  /** Count only those that joined within so many milliseconds; null: all that ever did. */
  readonly windowMs: number | null
  /** Its links join only where both ends are proven: `authenticated`. */
  readonly verifiedOnly: boolean
  /** An identifier with more links than this is no person's: none of them joins. */
  readonly popularMax: number
}

/** By what identifiers are recognised: the active version of the identity configuration. */
export interface IdentityRules {
  /** 0: the built-in rules. */
  readonly version: number
  readonly namespaces: Namespaces
  readonly byNamespace: ReadonlyMap<string, NamespaceRule>
  /** Identifiers that stand for nobody, besides the built-in placeholders. */
  readonly blocked: ReadonlySet<string>
}

const account: NamespaceRule = { max: 1, windowMs: null, verifiedOnly: false, popularMax: 4_096 }
const contact: NamespaceRule = { max: 8, windowMs: null, verifiedOnly: true, popularMax: 16 }
const device: NamespaceRule = { max: 4_096, windowMs: null, verifiedOnly: false, popularMax: 16 }

export const builtInRules: IdentityRules = {
  version: 0,
  namespaces: builtInNamespaces,
  byNamespace: new Map([
    ['user', account],
    ['crm', account],
    ['email', contact],
    ['phone', contact],
    ['push', device],
    ['anon', device],
  ]),
  blocked: new Set(),
}

/** What holds for a namespace that has no rule. */
export const looseRule: NamespaceRule = device

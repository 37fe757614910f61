import {
  builtInConfiguration,
  type ConfiguredNamespace,
  type IdentityRules,
  identityText,
  rulesOf,
} from '../../../src/core/identity/rules.ts'

/** One address and two devices for each person; an account that everybody uses is nobody's. */
const changes: { readonly [namespace: string]: Partial<ConfiguredNamespace> } = {
  email: { max: 1, blocked: ['b@x.io'] },
  anon: { max: 2 },
  crm: { popularMax: 2 },
}

export const strictText: string = identityText({
  identity: 'strict',
  namespaces: builtInConfiguration.namespaces.map((one) => ({
    ...one,
    ...changes[one.name],
  })),
})

export const strictRules: IdentityRules = rulesOf(strictText, 1)

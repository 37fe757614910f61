import {
  builtInConfiguration,
  type IdentityRules,
  identityText,
  rulesOf,
} from '../../../src/core/identity/rules.ts'

/** One address and two devices for each person. */
const most: { readonly [namespace: string]: number } = { email: 1, anon: 2 }

export const strictText: string = identityText({
  identity: 'strict',
  namespaces: builtInConfiguration.namespaces.map((one) => ({
    ...one,
    max: most[one.name] ?? one.max,
  })),
})

export const strictRules: IdentityRules = rulesOf(strictText, 1)

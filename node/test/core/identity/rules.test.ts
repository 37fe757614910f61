import { builtInNamespaces } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import {
  builtInConfiguration,
  builtInRules,
  identityText,
  rulesOf,
} from '../../../src/core/identity/rules.ts'

describe('the rules of recognition', () => {
  it('are the built-in ones before a configuration was applied', () => {
    expect(rulesOf('', 0)).toEqual(builtInRules)
    expect(rulesOf('', 0).namespaces).toEqual(builtInNamespaces)
  })

  it('are the same after they were written as text', () => {
    expect(rulesOf(identityText(builtInConfiguration), 0)).toEqual(builtInRules)
  })

  it.each(['{}', 'null', '{"identity":"x","namespaces":[{"name":"a"}]}'])(
    'are not made of %s, which no checker let into a log',
    (text) => {
      expect(() => rulesOf(text, 1)).toThrow('not the text of an identity configuration')
    },
  )
})

import { identifierOf } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import {
  builtInConfiguration,
  builtInRules,
  identityBytesMax,
  identityText,
  rulesOf,
} from '../../src/core/identity/rules.ts'
import { readIdentity } from '../../src/identity-file/read-identity.ts'
import { PlaybookError } from '../../src/playbook/faults.ts'

const shop = `identity: fernhill-shop
namespaces:
  loyalty: { class: account, rank: 405, unique: true }
  anon: { max: 5, per: 7d }
  email: { verified: false, popular: 4, blocked: [' NoReply@shop.example'] }
`

describe('an identity configuration', () => {
  it('tunes built-in namespaces, and adds others', () => {
    const rules = rulesOf(identityText(readIdentity(shop)), 3)

    expect(rules.version).toBe(3)
    expect(rules.namespaces.get('loyalty')).toEqual({
      name: 'loyalty',
      class: 'account',
      rank: 405,
      normalise: 'text',
    })
    expect(rules.byNamespace.get('loyalty')).toMatchObject({ max: 1, windowMs: null })
    expect(rules.byNamespace.get('anon')).toMatchObject({ max: 5, windowMs: 7 * 86_400_000 })
    expect(rules.byNamespace.get('email')).toMatchObject({ verifiedOnly: false, popularMax: 4 })
    expect(rules.byNamespace.get('user')).toEqual(builtInRules.byNamespace.get('user'))
  })

  it('blocks values in their canonical form, for clients and for the fold', () => {
    const rules = rulesOf(identityText(readIdentity(shop)), 1)

    expect([...rules.blocked]).toEqual(['email:noreply@shop.example'])
    expect(() => identifierOf('email', 'noreply@SHOP.example ', rules.namespaces)).toThrow(
      /blocked by the identity configuration/,
    )
  })

  it('that says nothing is the built-in one under its own name', () => {
    const { namespaces } = readIdentity('identity: plain')

    expect(new Set(namespaces)).toEqual(new Set(builtInConfiguration.namespaces))
  })

  it('has one text, however it is written', () => {
    const other = JSON.stringify({
      identity: 'fernhill-shop',
      namespaces: {
        email: { blocked: ['noreply@shop.example'], popular: 4, verified: false },
        anon: { per: '7d', max: 5 },
        loyalty: { max: 1, rank: 405, class: 'account', normalise: 'text' },
      },
    })

    expect(identityText(readIdentity(other))).toBe(identityText(readIdentity(shop)))
  })

  it.each([
    [
      'identity: x\nnamespaces:\n  loyalty: { max: 3 }',
      '3:3 namespaces.loyalty: a namespace of your own needs a class and a rank',
    ],
    [
      'identity: x\nnamespaces:\n  emial: { max: 3 }',
      '3:3 namespaces.emial: a namespace of your own needs a class and a rank; did you mean "email"?',
    ],
    [
      'identity: x\nnamespaces:\n  user: { rank: 9 }',
      '3:17 namespaces.user.rank: user is built in: this stays 410',
    ],
    [
      'identity: x\nnamespaces:\n  user: { class: device }',
      '3:18 namespaces.user.class: user is built in: this stays account',
    ],
    [
      'identity: x\nnamespaces:\n  a: { class: account, rank: 400 }',
      '3:30 namespaces.a.rank: rank 400 is that of crm already',
    ],
    [
      'identity: x\nnamespaces:\n  user: { unique: true, max: 2 }',
      '3:30 namespaces.user.max: unique says how many already: leave one of them out',
    ],
    [
      'identity: x\nnamespaces:\n  anon: { per: 7d }',
      '3:16 namespaces.anon.per: a time belongs to a max: add how many',
    ],
    [
      'identity: x\nnamespaces:\n  anon: { max: 2, per: soon }',
      '3:24 namespaces.anon.per: must be a duration like 30m, 12h, 7d or 4w',
    ],
    [
      'identity: x\nnamespaces:\n  anon: { maxx: 2 }',
      '3:11 namespaces.anon.maxx: no such key here; did you mean "max"?',
    ],
    [
      'identity: x\nnamespaces:\n  Anon: { class: device, rank: 1 }',
      '3:3 namespaces.Anon: the name of a namespace is a letter and up to 31 more letters, digits, _ and -, all lower case',
    ],
    [
      'identity: x\nnamespaces:\n  phone: { blocked: [none] }',
      '3:22 namespaces.phone.blocked.0: nothing is left of it once normalised',
    ],
    ['namespaces: {}', '1:1 "identity" is missing'],
    ['identity: [', /flow/i],
  ])('%j is refused where it is wrong', (text, fault) => {
    expect(faultIn(() => readIdentity(text))).toMatch(
      typeof fault === 'string' ? literally(`identity:${fault}`) : fault,
    )
  })

  it('does not move a namespace that is in use, nor leave it out', () => {
    const before = readIdentity(shop)
    const moved =
      'identity: x\nnamespaces:\n  loyalty: { class: contact, rank: 405, normalise: email }'

    expect(faultIn(() => readIdentity(moved, before))).toBe(
      [
        'identity:3:21 namespaces.loyalty.class: loyalty is in use: this stays account',
        'identity:3:52 namespaces.loyalty.normalise: loyalty is in use: this stays text',
      ].join('\n'),
    )
    expect(faultIn(() => readIdentity('identity: x', before))).toContain(
      '"loyalty" is in use and cannot be left out',
    )
  })

  it('needs no place for a namespace that is in use', () => {
    const next = readIdentity(
      'identity: x\nnamespaces: { loyalty: { max: 2 } }',
      readIdentity(shop),
    )

    expect(next.namespaces.find(({ name }) => name === 'loyalty')).toMatchObject({
      class: 'account',
      rank: 405,
      max: 2,
    })
  })

  it('fits into a record', () => {
    const text = `identity: x # ${'x'.repeat(identityBytesMax)}`

    expect(faultIn(() => readIdentity(text))).toContain(`at most ${identityBytesMax} bytes`)
  })
})

function literally(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
}

function faultIn(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof PlaybookError) return error.message
    throw error
  }
  return 'no fault'
}

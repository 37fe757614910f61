import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bounds } from '../src/bounds.ts'
import {
  builtInNamespaces,
  compareIdentifiers,
  evenBlocked,
  greatest,
  type Identifier,
  identifierFault,
  identifierOf,
  isIdentifier,
  namespaceOf,
  parseIdentifier,
  valuePart,
} from '../src/identifier.ts'
import { recordFault } from '../src/validate.ts'
import { identifier, thrownBy } from './arbitraries.ts'

const namespace = fc.constantFrom(...builtInNamespaces.keys())
const raw = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.stringMatching(/^[ +0-9()/-]{0,20}$/),
)

describe('an identifier', () => {
  it.each([
    ['email', '  Ann@Example.COM ', 'email:ann@example.com'],
    ['email', 'JOSE\u0301@x.es', 'email:josé@x.es'],
    ['phone', '+49 (30) 1234-567', 'phone:+49301234567'],
    ['phone', '0049 30 1234567', 'phone:+49301234567'],
    ['phone', '030 / 1234567', 'phone:0301234567'],
    ['phone', '+49+30', 'phone:+4930'],
    ['phone', '(+49) 30', 'phone:+4930'],
    ['phone', '0+0 49 30', 'phone:+4930'],
    ['phone', '030+1', 'phone:0301'],
    ['user', ' u:42 ', 'user:u:42'],
    ['user', 'Straße', 'user:Straße'],
    ['anon', 'e\u0301', 'anon:é'],
    ['anon', '*.> /%2e', 'anon:*.> /%2e'],
    ['crm', '\u00a0991\ufeff', 'crm:991'],
  ])('of %s %j is %j', (name, value, canonical) => {
    expect(identifierOf(name, value)).toBe(canonical)
  })

  it('is canonical: normalising it again changes nothing', () => {
    fc.assert(
      fc.property(namespace, raw, (name, value) => {
        fc.pre(thrownBy(() => identifierOf(name, value)) === undefined)
        const made = identifierOf(name, value)
        expect(parseIdentifier(made)).toBe(made)
        expect(isIdentifier(made, builtInNamespaces)).toBe(true)
        expect(`${namespaceOf(made)}:${valuePart(made)}`).toBe(made)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each<[string, string]>([
    ['anon', ''],
    ['anon', '   '],
    ['anon', '\ufeff'],
    ['anon', 'a\u0000'],
    ['anon', 'a\nb'],
    ['anon', '\u0085'],
    ['anon', 'a\ud800'],
    ['anon', 'x'.repeat(bounds.identifierBytes + 1)],
    ['anon', 'é'.repeat(bounds.identifierBytes / 2 + 1)],
    ['phone', '+'],
    ['phone', '00'],
    ['phone', '0+0'],
    ['phone', 'none given'],
    ...[
      '0',
      '-1',
      'null',
      'undefined',
      'None',
      'UNKNOWN',
      'anonymous',
      'guest',
      'test',
      'NaN',
      'true',
      'false',
      '[object Object]',
      '00000000-0000-0000-0000-000000000000',
    ].map((placeholder): [string, string] => ['user', placeholder]),
  ])('is not made of %s %j', (name, value) => {
    expect(thrownBy(() => identifierOf(name, value))).toMatchObject({
      name: 'HalfsecondError',
      code: 'INVALID',
    })
  })

  it('may have a value of the bound', () => {
    for (const value of [
      'x'.repeat(bounds.identifierBytes),
      'é'.repeat(bounds.identifierBytes / 2),
    ]) {
      expect(identifierOf('anon', value)).toBe(`anon:${value}`)
    }
  })

  it('is not made of a value that its namespace blocks, however it is written', () => {
    const namespaces = new Map([
      [
        'email',
        {
          name: 'email',
          class: 'contact',
          rank: 310,
          normalise: 'email',
          blocked: ['noreply@shop.example'],
        },
      ] as const,
    ])

    expect(
      thrownBy(() => identifierOf('email', ' NoReply@shop.example', namespaces)),
    ).toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('blocked by the identity configuration'),
    })
    expect(isIdentifier('email:noreply@shop.example', namespaces)).toBe(false)
    expect(identifierOf('email', 'reply@shop.example', namespaces)).toBe('email:reply@shop.example')
  })

  it('has a configured namespace', () => {
    expect(thrownBy(() => identifierOf('loyalty', '1'))).toMatchObject({
      code: 'UNKNOWN_NAMESPACE',
    })
    const configured = new Map([
      ...builtInNamespaces,
      ['loyalty', { name: 'loyalty', class: 'account', rank: 405, normalise: 'text' }] as const,
    ])
    expect(identifierOf('loyalty', '1', configured)).toBe('loyalty:1')
    expect(
      greatest([identifierOf('crm', '9'), identifierOf('loyalty', '1', configured)], configured),
    ).toBe('loyalty:1')
  })

  it('is namespace:value, whatever a caller gives', () => {
    for (const value of [undefined, null, 7, {}, [], 'anon', ':a', 'anon:', 'ANON:a', ' anon:a']) {
      expect(identifierFault(value, builtInNamespaces)).toBeTypeOf('string')
    }
    expect(thrownBy(() => parseIdentifier('no-colon'))).toMatchObject({ code: 'INVALID' })
  })

  it('never puts raw bytes of a terminal into a message', () => {
    const thrown = thrownBy(() => parseIdentifier('\u001b[2J\u009b\u202e:x'))
    expect(String(thrown)).not.toMatch(/\p{Cc}|\p{Cf}/u)
  })
})

describe('the order of identifiers', () => {
  it('goes by class first: no rank lifts a device above an account', () => {
    const kiosk = { name: 'kiosk', class: 'device', rank: 999, normalise: 'text' } as const
    const namespaces = new Map([...builtInNamespaces, ['kiosk', kiosk]])
    const device = identifierOf('kiosk', 'hall', namespaces)
    const account = identifierOf('crm', '991', namespaces)

    expect(compareIdentifiers(device, account, namespaces)).toBeLessThan(0)
    expect(compareIdentifiers(account, device, namespaces)).toBeGreaterThan(0)
  })

  const order = (a: Identifier, b: Identifier) => compareIdentifiers(a, b, builtInNamespaces)

  it('goes by class and rank, then by the bytes of the value', () => {
    const rising = [
      'anon:a',
      'anon:\uffff',
      'anon:😀',
      'push:a',
      'phone:+1',
      'email:a@x',
      'crm:1',
      'crm:10',
      'crm:9',
      'user:A',
      'user:a',
    ].map((one) => parseIdentifier(one))
    expect([...rising].reverse().sort(order)).toStrictEqual(rising)
  })

  it('is total', () => {
    fc.assert(
      fc.property(identifier, identifier, identifier, (a, b, c) => {
        expect(order(a, b) === 0).toBe(a === b)
        expect(Math.sign(order(a, b)) + Math.sign(order(b, a))).toBe(0)
        if (order(a, b) <= 0 && order(b, c) <= 0) expect(order(a, c)).toBeLessThanOrEqual(0)
      }),
    )
  })

  it('gives the key of a call whichever way it names its identifiers', () => {
    fc.assert(
      fc.property(fc.array(identifier, { minLength: 1, maxLength: 6 }), fc.nat(), (named, turn) => {
        const at = turn % named.length
        const turned = [...named.slice(at), ...named.slice(0, at)]
        const key = greatest(named, builtInNamespaces)
        expect(greatest(turned, builtInNamespaces)).toBe(key)
        expect(key).toBe([...named].sort(order).at(-1))
      }),
    )
    expect(greatest([], builtInNamespaces)).toBeUndefined()
  })
})

it('what is blocked is refused, but can still be looked at', () => {
  const email = builtInNamespaces.get('email')
  if (email === undefined) throw new Error('email is built in')
  const blocked = { ...email, blocked: ['noreply@shop.example'] }
  const namespaces = new Map([...builtInNamespaces, ['email', blocked] as const])

  expect(() => parseIdentifier('email:noreply@shop.example', namespaces)).toThrow(/blocked/)
  expect(parseIdentifier('email:noreply@shop.example', evenBlocked(namespaces))).toBe(
    'email:noreply@shop.example',
  )
  expect(evenBlocked(namespaces)).toBe(evenBlocked(namespaces))
})

it('what was blocked since can be unlinked and erased, and nothing else can be said of it', () => {
  const email = builtInNamespaces.get('email')
  if (email === undefined) throw new Error('email is built in')
  const blocked = { ...email, blocked: ['noreply@shop.example'] }
  const namespaces = new Map([...builtInNamespaces, ['email', blocked] as const])
  const common = { id: 'r', key: 'email:noreply@shop.example', at: 1 }

  expect(recordFault({ ...common, kind: 'erase', eraseId: 'e' }, namespaces)).toBeUndefined()
  expect(recordFault({ ...common, kind: 'unlink', to: 'user:1' }, namespaces)).toBeUndefined()
  expect(recordFault({ ...common, kind: 'logout' }, namespaces)).toMatch(/blocked/)
})

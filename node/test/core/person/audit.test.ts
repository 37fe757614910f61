import { fragmentIdOf, parseIdentifier } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { auditOf } from '../../../src/core/person/audit.ts'
import { anon, at, email, headWith, linkTo, user } from './heads.ts'

test('an audit tells of each link, removal, refusal, split, login and erase, oldest first', () => {
  const other = parseIdentifier('user:18')
  const device = headWith(
    anon,
    [
      linkTo(user, { at: at(4), channel: 'web', id: 'l1' }),
      linkTo(other, {
        at: at(6),
        since: at(6),
        id: 'l2',
        state: 'refused',
        reason: 'a profile has at most 1 user',
      }),
      { to: email, at: at(1), id: 'u1', channel: 'web' },
    ],
    {
      epochs: [
        { to: at(5), isClaimed: true },
        { from: at(5), isClaimed: false },
      ],
    },
  )
  const split = headWith(fragmentIdOf(anon, 1), [
    { to: user, at: at(9), id: 'u2', channel: 'operator', source: 'ann' },
  ])
  const erased = headWith(user, [], {
    erasures: [{ eraseId: 'e1', at: at(3), from: email, waiting: 0 }],
  })

  expect(auditOf([device, split, erased])).toEqual([
    { at: at(1), what: 'unlink', of: 'anon:4hG8', other: email, id: 'u1', channel: 'web' },
    { at: at(3), what: 'erase', of: 'user:17', other: email, id: 'e1' },
    {
      at: at(4),
      what: 'link',
      of: 'anon:4hG8',
      other: 'user:17',
      id: 'l1',
      channel: 'web',
      strength: 'asserted',
      under: 1,
    },
    { at: at(5), what: 'logout', of: 'anon:4hG8' },
    {
      at: at(6),
      what: 'link',
      of: 'anon:4hG8',
      other: 'user:18',
      id: 'l2',
      strength: 'asserted',
      under: 1,
    },
    {
      at: at(6),
      what: 'refuse',
      of: 'anon:4hG8',
      other: 'user:18',
      id: 'l2',
      reason: 'a profile has at most 1 user',
    },
    {
      at: at(9),
      what: 'split',
      of: 'anon:4hG8 #1',
      other: 'user:17',
      id: 'u2',
      channel: 'operator',
      source: 'ann',
    },
  ])
})

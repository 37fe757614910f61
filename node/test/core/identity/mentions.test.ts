import { type FragmentId, parseIdentifier } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { headOf } from '../../../src/core/person/head-view.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { batch, ownBatch, start } from '../../support/records.ts'
import { rowOf } from '../../support/row-of.ts'
import { ann, bob, Town } from './town.ts'

const mail = parseIdentifier('email:a@example.org')
const { features } = compilePlaybook(`
playbook: town
placements:
  hero: { channel: web, format: banner, fallback: { text: fallback } }
`)

/** Ann's address, of which somebody says that it is Bob's too: nobody has two accounts. */
function townWithRefusal(): Town {
  const here = new Town(features)
  here.tell(here.event(mail))
  here.tell(here.link(mail, ann))
  here.settle()
  here.tell(here.event(bob))
  here.tell(here.link(mail, bob))
  here.settle()
  expect(here.world.fragment(mail)?.ties?.links.get(bob)?.state).toBe('refused')
  return here
}

/** All whose rows name somebody, themselves aside. */
function whoNames(here: Town, name: FragmentId): FragmentId[] {
  return here.world.replicas.flatMap(({ fragments, arena }) =>
    [...fragments.values()]
      .filter(({ identifier }) => identifier !== name)
      .filter((fragment) => Buffer.from(rowOf(fragment, arena)).includes(name))
      .map(({ identifier }) => identifier),
  )
}

test('an erase reaches its name in a link that was refused, and in copies of it', () => {
  const here = townWithRefusal()
  expect(whoNames(here, bob)).toEqual([mail, ann])

  here.tell(here.erase(bob))
  here.settle()

  expect(whoNames(here, bob)).toEqual([])
  expect(here.seen(ann).members).toEqual([mail, ann])
})

test('an erase reaches its name in a link that was never proven', () => {
  const here = new Town(features)
  here.tell(here.link(mail, bob, 'asserted'))
  here.settle()
  expect(whoNames(here, bob)).toEqual([mail])

  here.tell(here.erase(bob))
  here.settle()

  expect(whoNames(here, bob)).toEqual([])
})

test('what is said late of a link that was taken back does not bring the erased name back', () => {
  const here = new Town(features)
  here.tell(here.event(mail))
  const late = here.link(mail, bob)
  here.wait(1_000)
  here.tell(here.unlink(mail, bob))
  here.settle()
  here.tell(here.erase(bob))
  here.settle()
  expect(whoNames(here, bob)).toEqual([])

  here.tell(late)
  here.settle()

  expect(whoNames(here, bob)).toEqual([])
  expect(here.own(mail)).toHaveLength(1)
})

test('a link that joins nobody and arrives after the erase is forgotten too', () => {
  const here = new Town(features)
  const late = here.link(mail, bob, 'asserted')
  here.wait(1_000)
  here.tell(here.erase(bob))
  here.settle()

  here.tell(late)
  here.settle()

  expect(whoNames(here, bob)).toEqual([])
})

test('a link that is told after the erase is of the new start, and stays', () => {
  const here = townWithRefusal()
  here.tell(here.erase(bob))
  here.settle()

  here.tell(here.link(mail, bob))
  here.settle()

  expect(here.world.fragment(mail)?.ties?.links.get(bob)?.state).toBe('refused')
  expect(whoNames(here, bob)).toEqual([mail, ann])
})

test('whoever is erased is no more said to mention others', () => {
  const here = townWithRefusal()
  expect([...(here.world.fragment(bob)?.ties?.mentionedBy ?? [])]).toEqual([mail])

  here.tell(here.erase(mail))
  here.settle()

  expect(whoNames(here, mail)).toEqual([])
})

test('nothing is known of whoever is only mentioned', () => {
  const here = new Town(features)

  here.tell(here.link(mail, bob))
  here.tell(here.unlink(mail, bob))
  here.settle()

  const fragment = here.world.fragment(bob)
  expect([...(fragment?.ties?.mentionedBy ?? [])]).toEqual([mail])
  expect(fragment && headOf(fragment)).toBeUndefined()
})

test.each([
  [3, []],
  [4, [{ kind: 'mention', from: mail, to: bob, at: start }]],
])('by rules %i whoever is mentioned is told %j', (foldVersion, told) => {
  const shard = new BareShard()
  const link = { kind: 'link', key: mail, id: 'l1', at: start, to: bob } as const
  shard.take(ownBatch(1, 1, { kind: 'barrier', epoch: 1, foldVersion }), start, true)

  shard.take(batch('web', 1, [{ ...link, strength: 'asserted' }]), start)

  expect([...shard.state.outbox.rows(0)].map(({ message }) => message)).toEqual(told)
})

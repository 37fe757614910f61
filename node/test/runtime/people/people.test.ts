import {
  builtInNamespaces,
  type FragmentId,
  fragmentIdOf,
  parseIdentifier,
} from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { emptyHead, type HeadView } from '../../../src/core/person/head-view.ts'
import { People } from '../../../src/runtime/people/people.ts'
import type { ReadRequest } from '../../../src/runtime/reads.ts'

const anon = parseIdentifier('anon:4hG8')
const phone = parseIdentifier('anon:phone')
const user = parseIdentifier('user:17')

const pause = () => Promise.resolve()

/** Homes that know these heads, each with a timeline of one entry. */
class Homes {
  readonly asked: ReadRequest[] = []
  private readonly heads: ReadonlyMap<FragmentId, HeadView>
  readonly people = new People({
    read: (request) => this.read(request),
    namespaces: builtInNamespaces,
    pause,
  })

  constructor(...heads: readonly (Partial<HeadView> & { readonly id: FragmentId })[]) {
    this.heads = new Map(heads.map((head) => [head.id, { ...emptyHead(head.id), ...head }]))
  }

  private async *read(request: ReadRequest): AsyncGenerator<Uint8Array> {
    this.asked.push(request)
    if (!('identifier' in request)) return
    const head = this.heads.get(request.identifier)
    if (head === undefined) return
    const timeline = [{ at: '2015-05-15T10:00:00.000Z', kind: 'page', id: `e-${head.id}` }]
    const view = { ...head, identifiers: [head.id], timeline, sessions: [] }
    const bytes = Buffer.from(JSON.stringify(request.what === 'head' ? head : view))
    // As other nodes do: in pieces that end anywhere.
    yield bytes.subarray(0, 7)
    yield bytes.subarray(7)
  }
}

describe('the members of a person', () => {
  it.each([anon, phone, user])('are the same asked for by %s', async (id) => {
    const { people } = new Homes(
      { id: anon, tied: [user] },
      { id: phone, tied: [user] },
      { id: user, tied: [anon, phone] },
      { id: parseIdentifier('user:18'), tied: [] },
    )

    const members = await people.members(id)

    expect(members?.asked.id).toBe(id)
    expect(members?.all.map((head) => head.id).sort()).toEqual([anon, phone, user])
  })

  it('are asked for once each, however they are tied', async () => {
    const homes = new Homes(
      { id: anon, tied: [user, phone] },
      { id: phone, tied: [user, anon] },
      { id: user, tied: [anon, phone] },
    )

    await homes.people.members(anon)

    expect(homes.asked).toHaveLength(3)
  })

  it('include those that brought nothing themselves', async () => {
    const { people } = new Homes({ id: anon, tied: [user] })

    expect((await people.members(anon))?.all).toEqual([
      expect.objectContaining({ id: anon }),
      emptyHead(user),
    ])
  })

  it('are none where nothing is known', async () => {
    expect(await new Homes().people.members(anon)).toBeUndefined()
  })

  it('are refused where there are more than a person can have', async () => {
    const tied = Array.from({ length: 4_096 }, (_, i) => parseIdentifier(`anon:${i}x`))
    const { people } = new Homes({ id: user, tied })

    await expect(people.members(user)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringMatching(/^user:17 is linked to more than 4096 others: /),
    })
  })

  it('of another form are not taken', async () => {
    const read = async function* () {
      yield Buffer.from('{"id":7}')
    }
    const people = new People({ read, namespaces: builtInNamespaces, pause })

    await expect(people.members(anon)).rejects.toMatchObject({ code: 'MALFORMED' })
  })
})

describe('a device that changed hands', () => {
  const epochs = [{ isClaimed: true }, { isClaimed: false }, { isClaimed: true }]
  const { people } = new Homes({ id: anon, epochs }, { id: fragmentIdOf(anon, 2) })

  it('is whoever has it now, unless another time is asked for', async () => {
    expect((await people.person(anon))?.asked).toMatchObject({ id: fragmentIdOf(anon, 2), epochs })
    expect((await people.person(anon, 0))?.asked).toMatchObject({ id: anon, epochs })
    expect(await people.person(user)).toBeUndefined()
  })

  it('is somebody unknown in an epoch in which it did nothing', async () => {
    const id = fragmentIdOf(anon, 1)

    expect(await people.person(anon, 1)).toMatchObject({ asked: { id, epochs }, all: [{ id }] })
    expect(await people.person(anon, 3)).toBeUndefined()
  })

  it('has a fragment for each epoch, the present one first', async () => {
    const [first, second] = [fragmentIdOf(anon, 2), fragmentIdOf(anon, 1)]

    expect(await people.fragmentsOf(anon)).toEqual([first, second, anon])
    expect(await people.fragmentsOf(user)).toEqual([user])
  })

  it('has the heads of its other epochs, as far as they brought anything', async () => {
    const members = await people.person(anon)

    expect(members && (await people.otherEpochs(members.asked))).toMatchObject([{ id: anon }])
  })
})

describe('timelines', () => {
  const { people } = new Homes({ id: anon, tied: [user] }, { id: user, tied: [anon] })

  it('are read from the home of each, as many entries as are asked for', async () => {
    const homes = new Homes({ id: anon, tied: [user] })
    const members = await homes.people.members(anon)

    const profiles = await homes.people.profiles(members?.all ?? [], 5)

    expect(profiles).toMatchObject([{ identifiers: [anon], timeline: [{ kind: 'page' }] }])
    expect(homes.asked.slice(-2)).toEqual([
      { what: 'profile', identifier: anon, newest: 5 },
      { what: 'profile', identifier: user, newest: 5 },
    ])
  })

  it('make a list of JSON texts, of those that have any', async () => {
    const heads = [emptyHead(phone), emptyHead(user), emptyHead(phone), emptyHead(anon)]
    const pieces: Uint8Array[] = []

    for await (const piece of people.texts(heads)) pieces.push(piece)

    const list: unknown = JSON.parse(`[${Buffer.concat(pieces).toString()}]`)
    expect(list).toMatchObject([{ identifiers: [user] }, { identifiers: [anon] }])
  })
})

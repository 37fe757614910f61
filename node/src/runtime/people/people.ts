import {
  type FragmentId,
  fragmentIdOf,
  fragmentName,
  HalfsecondError,
  type Identifier,
  identifierIn,
  isFields,
  type Namespaces,
} from '@halfsecond/protocol'
import { emptyHead, type HeadView, isHeadView } from '../../core/person/head-view.ts'
import type { ProfileView } from '../../core/profile-view.ts'
import type { ReadRequest } from '../reads.ts'

/** Fragments read at a time: each may be on another node. */
const readsAtOnce = 16

/** Fragments of one person: what is linked to more is no person, and would keep nodes busy for long. */
const membersMax = 4_096

/**
 * Bytes of timelines joined in memory, some 80,000 entries: more would hold up decides for too long.
 * `texts` streams, and has no such bound.
 */
const joinedBytesMax = 16 * 1024 * 1024

const comma = Buffer.from(',')

export interface PeopleDependencies {
  /** Answers from whichever node holds the shard. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
  readonly namespaces: Namespaces
  /** Resolves when other work had its turn. */
  readonly pause: () => Promise<void>
}

/** The members of a person, the one that was asked for first. */
export interface Members {
  readonly asked: HeadView
  readonly all: readonly HeadView[]
}

/**
 * Puts persons together from fragments, whichever nodes hold them: for people, never on the way of a
 * decide. Each member is asked at its home for what it is tied to, so that nothing is a copy.
 */
export class People {
  private readonly uses: PeopleDependencies

  constructor(uses: PeopleDependencies) {
    this.uses = uses
  }

  /** The fragments of an identifier: of a device one for each epoch, the present one first. */
  async fragmentsOf(identifier: Identifier): Promise<readonly [FragmentId, ...FragmentId[]]> {
    const epochs = (await this.head(identifier))?.epochs.length ?? 0
    const later = Array.from({ length: Math.max(0, epochs - 1) }, (_, i) => epochs - 1 - i)
    const [present = identifier, ...others] = later.map((epoch) => fragmentIdOf(identifier, epoch))
    return present === identifier ? [identifier] : [present, ...others, identifier]
  }

  /**
   * The person that an identifier belongs to, undefined where nothing is known of it. Of a device
   * that changed hands: whoever has it at present, unless another epoch is asked for.
   */
  async person(identifier: Identifier, epoch?: number): Promise<Members | undefined> {
    const first = await this.head(identifier)
    const epochs = first?.epochs ?? []
    const number = epoch ?? Math.max(0, epochs.length - 1)
    const id = fragmentIdOf(identifier, number)
    if (number === 0) return this.members(id)
    const members = await this.members(id)
    if (members === undefined && number >= epochs.length) return undefined
    const asked = { ...(members?.asked ?? emptyHead(id)), epochs }
    return { asked, all: members?.all ?? [asked] }
  }

  /**
   * Everybody who is one person with this fragment; undefined where nothing is known of it.
   * Rejects with `TOO_LARGE` for what is linked to more than a person can be.
   */
  async members(id: FragmentId): Promise<Members | undefined> {
    const asked = await this.head(id)
    if (asked === undefined) return undefined
    const found = new Map<FragmentId, HeadView>([[id, asked]])
    let next = asked.tied.filter((one) => one !== id)
    while (next.length > 0) {
      if (found.size + next.length > membersMax)
        throw new HalfsecondError(
          'TOO_LARGE',
          `${fragmentName(id)} is linked to more than ${membersMax} others: bound its namespace in the identity configuration`,
        )
      const heads = await mapSome(next, async (one) => (await this.head(one)) ?? emptyHead(one))
      for (const head of heads) found.set(head.id, head)
      next = [...new Set(heads.flatMap(({ tied }) => tied))].filter((one) => !found.has(one))
    }
    return { asked, all: [...found.values()] }
  }

  /** The other epochs of a device that changed hands. */
  async otherEpochs({ id, epochs }: HeadView): Promise<readonly HeadView[]> {
    const others = epochs.map((_, epoch) => fragmentIdOf(identifierIn(id), epoch))
    const heads = await mapSome(
      others.filter((one) => one !== id),
      (one) => this.head(one),
    )
    return heads.filter((head) => head !== undefined)
  }

  /**
   * These fragments with their timelines. Rejects with `TOO_LARGE` where they do not fit.
   * @param newest so many entries of each; undefined: all
   */
  async profiles(members: readonly HeadView[], newest?: number): Promise<readonly ProfileView[]> {
    let bytes = 0
    const views: ProfileView[] = []
    for (const { id } of members) {
      await this.uses.pause()
      const parts: Uint8Array[] = []
      for await (const part of this.uses.read({ what: 'profile', identifier: id, newest })) {
        await this.uses.pause()
        bytes += part.length
        if (bytes > joinedBytesMax)
          throw new HalfsecondError(
            'TOO_LARGE',
            `more than ${joinedBytesMax / 1024 / 1024} MiB are known of this person: ask for the newest, or use halfsecond profile export`,
          )
        parts.push(part)
      }
      if (parts.length > 0) views.push(profileIn(parts))
    }
    return views
  }

  /**
   * The same as JSON text, one after the other with commas between, each as it comes from its home:
   * never all of it in memory. Members that brought nothing are left out.
   */
  async *texts(members: readonly HeadView[]): AsyncGenerator<Uint8Array> {
    let isFirst = true
    for (const { id } of members) {
      await this.uses.pause()
      let isBegun = false
      for await (const part of this.uses.read({ what: 'profile', identifier: id })) {
        await this.uses.pause()
        if (!isBegun && !isFirst) yield comma
        isBegun = true
        yield part
      }
      if (isBegun) isFirst = false
    }
  }

  /** What a fragment's home says of it; undefined where nothing is known. */
  async head(identifier: FragmentId): Promise<HeadView | undefined> {
    const parts: Uint8Array[] = []
    for await (const part of this.uses.read({ what: 'head', identifier })) parts.push(part)
    if (parts.length === 0) return undefined
    const head = valueIn(parts)
    if (isHeadView(head)) return head
    throw new HalfsecondError('MALFORMED', 'a node answers with what is no head of a fragment')
  }
}

function profileIn(parts: readonly Uint8Array[]): ProfileView {
  const value = valueIn(parts)
  if (isProfileView(value)) return value
  throw new HalfsecondError('MALFORMED', 'a node answers with what is no profile')
}

function isProfileView(value: unknown): value is ProfileView {
  return isFields(value) && Array.isArray(value.identifiers) && Array.isArray(value.timeline)
}

function valueIn(parts: readonly Uint8Array[]): unknown {
  return JSON.parse(Buffer.concat(parts).toString())
}

/** In order, a few at a time. */
async function mapSome<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += readsAtOnce)
    results.push(...(await Promise.all(items.slice(i, i + readsAtOnce).map(map))))
  return results
}

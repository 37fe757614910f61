import { HalfsecondError, subjects, toHalfsecondError } from '@halfsecond/protocol'
import type { ClusterMap } from '../../core/cluster/cluster-map.ts'
import type { Bus } from '../ports.ts'
import { needsLead, type ReadRequest, shardIn } from '../reads.ts'
import type { Shard } from '../shards/shard.ts'
import { encodeReadMessage, type ReadMessage, type ReadPart, readPartOf } from './read-messages.ts'

const requestMs = 5_000

/** How often a part is asked for: an answer that was lost costs a moment, not the whole. */
const tries = 3

export interface RemoteReadsDependencies {
  /** This node. */
  readonly node: string
  /** By number; undefined for those that other nodes hold. */
  readonly shards: readonly (Pick<Shard, 'status'> | undefined)[]
  readonly map: () => ClusterMap | undefined
  readonly bus: Pick<Bus, 'request'>
  /** Answers from what this node holds itself. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
}

/** Answers what is asked about any visitor: from here where the shard is here, else from who holds it. */
export class RemoteReads {
  private readonly uses: RemoteReadsDependencies

  constructor(uses: RemoteReadsDependencies) {
    this.uses = uses
  }

  /** Rejects with `UNAVAILABLE` where nobody who holds the shard answers, before or in the middle. */
  async *read(request: ReadRequest): AsyncGenerator<Uint8Array> {
    const { node, shards, map, read } = this.uses
    const number = shardIn(request, shards.length)
    const entry = map()?.shards[number]
    const mustLead = needsLead(request)
    if (mustLead ? entry?.primary === node : shards[number]?.status === 'following') {
      yield* read(request)
      return
    }
    const standbys = mustLead ? [] : (entry?.standbys ?? [])
    const others = entry ? [entry.primary, ...standbys].filter((id) => id !== node) : []
    let failure: HalfsecondError | undefined
    for (const other of others) {
      let first: ReadPart
      try {
        first = await this.ask(other, { op: 'read', request })
      } catch (thrown) {
        const what = `${other} cannot read shard ${number}`
        const thisOne = toHalfsecondError(thrown, 'UNAVAILABLE', what)
        if (!elsewhere.has(thisOne.code)) throw thisOne
        failure ??= thisOne
        continue
      }
      yield* this.rest(other, first)
      return
    }
    if (shards[number] && !mustLead) yield* read(request)
    else
      throw (
        failure ?? new HalfsecondError('UNAVAILABLE', `no node holds shard ${number} at present`)
      )
  }

  /** From here on no other node can be asked: part of the answer is passed on. */
  private async *rest(other: string, first: ReadPart): AsyncGenerator<Uint8Array> {
    const { id } = first
    let { bytes, isLast } = first
    if (isLast) {
      if (bytes.length > 0) yield bytes
      return
    }
    try {
      for (let part = 1; ; part++) {
        yield bytes
        if (isLast) return
        ;({ bytes, isLast } = await this.more(other, id, part))
      }
    } finally {
      void this.send(other, { op: 'read.end', id }).catch(() => undefined)
    }
  }

  private async more(other: string, id: number, part: number): Promise<ReadPart> {
    for (let left = tries - 1; ; left--) {
      try {
        return await this.ask(other, { op: 'read.more', id, part })
      } catch (thrown) {
        const failure = toHalfsecondError(thrown, 'UNAVAILABLE', 'the answer broke off')
        if (left === 0 || failure.code !== 'TIMEOUT')
          throw new HalfsecondError(
            'UNAVAILABLE',
            `${other} broke off its answer: ${failure.message}`,
          )
      }
    }
  }

  private async ask(other: string, message: ReadMessage): Promise<ReadPart> {
    return readPartOf(await this.send(other, message))
  }

  private send(other: string, message: ReadMessage): Promise<Uint8Array> {
    return this.uses.bus.request(subjects.control(other), encodeReadMessage(message), requestMs)
  }
}

/** Where another replica may answer what this one did not. */
const elsewhere: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'MOVED', 'OVERLOADED'])

import {
  decode,
  parseNatsAddress,
  parsePublishAck,
  parseShardMap,
  type ShardMap,
  subjects,
} from '@halfsecond/protocol'
import { NatsLink } from './nats-link.ts'
import type { Transport } from './transport.ts'
import { within } from './within.ts'

/** An acknowledgement that takes longer is lost: the batch is sent again. */
const publishMs = 5_000

const mapMs = 2_000

/**
 * Speaks to NATS directly: publishes to the log, asks nodes. Over two connections, because a server
 * syncs what it was given to disk before it reads on: a question would stand in line behind the
 * click that it is about.
 */
export class NatsTransport implements Transport {
  private readonly asking: NatsLink
  private readonly publishing: NatsLink
  private listener: (map: ShardMap) => void = () => {}

  /** @throws HalfsecondError `INVALID` for an address that cannot work */
  constructor(url: string) {
    const address = parseNatsAddress(url)
    this.asking = new NatsLink(address, 'halfsecond client', {
      [subjects.map]: (bytes) => this.listener(parseShardMap(decode(bytes))),
    })
    this.publishing = new NatsLink(address, 'halfsecond client writes', {})
  }

  get isConnected(): boolean {
    return this.asking.isConnected
  }

  onMap(listener: (map: ShardMap) => void): void {
    this.listener = listener
  }

  async map(): Promise<ShardMap> {
    await within(mapMs, this.asking.connecting)
    const reply = await this.asking.request(subjects.mapGet, new Uint8Array(0), mapMs)
    return parseShardMap(decode(reply.data))
  }

  async publish(shard: number, batch: Uint8Array): Promise<number> {
    const reply = await this.publishing.request(subjects.log(shard), batch, publishMs)
    return parsePublishAck(reply.string())
  }

  async ask(node: string, frame: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const reply = await this.asking.request(subjects.decide(node), frame, timeoutMs)
    return reply.data
  }

  async close(): Promise<void> {
    await Promise.all([this.asking.close(), this.publishing.close()])
  }
}

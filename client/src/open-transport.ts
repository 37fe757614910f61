import { HalfsecondError, withoutCredentials } from '@halfsecond/protocol'
import { HttpTransport } from './http-transport.ts'
import { NatsTransport } from './nats-transport.ts'
import type { Transport } from './transport.ts'

export type { Transport } from './transport.ts'

/**
 * The way to a cluster that an address names, for tools that make their own batches.
 * @param url as in `connect`
 * @throws HalfsecondError `INVALID` for an address that cannot work
 */
export function openTransport(url: string): Transport {
  if (/^(nats|tls):\/\//.test(url)) return new NatsTransport(url)
  if (/^https?:\/\//.test(url)) return new HttpTransport(url)
  throw new HalfsecondError(
    'INVALID',
    `"${withoutCredentials(url).slice(0, 64)}" is no address: use nats://host:4222 or http://host:7500`,
  )
}

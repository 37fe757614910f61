import { Client } from './client.ts'
import { openTransport } from './open-transport.ts'
import { type ClientOptions, compileOptions } from './options.ts'
import type { Transport } from './transport.ts'

/**
 * Connects to a cluster, in the background: the client can be used at once.
 * @param url `nats://user:password@host:4222`, several by commas, or `http(s)://host:7500`. Default:
 *   HALFSECOND_URL, else `http://127.0.0.1:7500`.
 * @throws HalfsecondError `INVALID` for an address or option that cannot work
 */
export function connect(
  url = process.env.HALFSECOND_URL || 'http://127.0.0.1:7500',
  options: ClientOptions = {},
): Client {
  const compiled = compileOptions(options, process.env)
  return new Client(openTransport(url), compiled)
}

/** A client over a transport of one's own: for nodes, and for tests. */
export function connectOver(transport: Transport, options: ClientOptions = {}): Client {
  return new Client(transport, compileOptions(options, {}))
}

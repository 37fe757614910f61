import { openTransport, type Transport } from '@halfsecond/client/transport'
import {
  HalfsecondError,
  type ShardMap,
  toHalfsecondError,
  withoutCredentials,
} from '@halfsecond/protocol'

/**
 * Connects to a cluster, runs, and disconnects.
 * Rejects with what to do where nobody is there, or where it was while records were sent.
 */
export async function withLog<T>(
  url: string,
  run: (transport: Transport, map: ShardMap) => Promise<T>,
): Promise<T> {
  const transport = openTransport(url)
  try {
    const map = await transport.map().catch((thrown: unknown) => {
      const { code, message } = toHalfsecondError(thrown, 'UNAVAILABLE', 'no shard map')
      throw new HalfsecondError(
        code,
        `no node answers at ${withoutCredentials(url)} (${message}); start one with: halfsecond dev, or name another with --url or HALFSECOND_URL`,
        { cause: thrown },
      )
    })
    return await run(transport, map)
  } catch (thrown) {
    const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'the import failed')
    if (!error.retryable || error.message.startsWith('no node answers')) throw error
    throw new HalfsecondError(
      error.code,
      `the import broke off: ${error.message}; run the same command again to go on, nothing is counted twice`,
      { cause: error },
    )
  } finally {
    await transport.close()
  }
}

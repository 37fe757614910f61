import { JetStreamApiError, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import { isAlreadyMade } from './stream-errors.ts'

export type StreamOptions = Partial<StreamConfig> & Pick<StreamConfig, 'name'>

/**
 * Makes a stream where it does not exist, and leaves one that exists as it is. It asks first: servers
 * check whether there is room for what is added before they see that it is there, so that adding
 * one again would fail on disks that are given out.
 */
export async function ensureStream(
  manager: JetStreamManager,
  options: StreamOptions,
): Promise<void> {
  if (await isThere(manager, options.name)) return
  try {
    await manager.streams.add(options)
  } catch (error) {
    // Another node that starts too was first, and had more or less room.
    if (!isAlreadyMade(error)) throw error
  }
}

async function isThere(manager: JetStreamManager, name: string): Promise<boolean> {
  try {
    await manager.streams.info(name)
    return true
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return false
    throw error
  }
}

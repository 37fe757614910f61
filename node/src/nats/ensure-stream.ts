import { JetStreamApiError, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import { isAlreadyMade, isTooMuch } from './stream-errors.ts'

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

/** How many bytes a stream may keep. */
export interface StreamRoom {
  /** Where there is so much room. */
  readonly most: number
  /** Below this it is not made. */
  readonly least: number
}

/** As `ensureStream`, as large as there is room for: where there is too little, half as large. */
export async function ensureLargestStream(
  manager: JetStreamManager,
  options: StreamOptions,
  { most, least }: StreamRoom,
): Promise<void> {
  for (let bytes = Math.floor(most); ; bytes = Math.floor(bytes / 2)) {
    const max_bytes = Math.max(least, bytes)
    try {
      await ensureStream(manager, { ...options, max_bytes })
      return
    } catch (error) {
      if (max_bytes === least || !isTooMuch(error)) throw error
    }
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

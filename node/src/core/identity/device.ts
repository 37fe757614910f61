/** A stretch of time in which a device had one owner, or nobody that we know. */
export interface DeviceEpoch {
  /** In milliseconds since 1970; the first begins at 0. */
  from: number
  /** Exclusive; null while it goes on. */
  to: number | null
  /** Hash of whoever claimed it; outlives unlink and erase. Null: nobody did. */
  owner: string | null
  /** Its latest activity; −1 before any. */
  lastAt: number
}

/** A device that changed hands, or was logged out of. Most have one epoch and no such state. */
export interface Device {
  /** In order of time, without gaps; the index is the epoch's number. */
  readonly epochs: DeviceEpoch[]
}

export type Login =
  | { readonly kind: 'claimed'; readonly epoch: number }
  | { readonly kind: 'conflict'; readonly reason: string }

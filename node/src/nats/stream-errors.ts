import { JetStreamApiError } from '@nats-io/jetstream'

/** JetStream's code of a stream that exists with another configuration. */
const alreadyMade = 10058

/** JetStream's codes for "not so much storage": of the server, of the account. */
const noStorage: ReadonlySet<number> = new Set([10047, 10028, 10002, 10023])

/** Its code where a cluster finds no servers for a stream, for this reason or because some are away. */
const noPeers = 10005

/** JetStream's codes of a lost race: wrong last sequence, and one that is still being decided. */
const lostRaces: ReadonlySet<unknown> = new Set([10071, 10164])

/** Whether by its code somebody else wrote first, or may be about to. */
export function isLostRace(code: unknown): boolean {
  return lostRaces.has(code)
}

/** Whether a stream of this name exists with another configuration. */
export function isAlreadyMade(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === alreadyMade
}

/** Whether the servers have no room for what a stream may take. */
export function isTooMuch(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false
  const { code, message } = error
  return noStorage.has(code) || (code === noPeers && message.includes('insufficient storage'))
}

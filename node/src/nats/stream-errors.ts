import { JetStreamApiError } from '@nats-io/jetstream'

/** JetStream's code of a stream that exists with another configuration. */
const alreadyMade = 10058

/** JetStream's codes for "not so much storage": of the server, of the account. */
const noStorage: ReadonlySet<number> = new Set([10047, 10028, 10002, 10023])

/** Its code where a cluster finds no servers for a stream, for this reason or because some are away. */
const noPeers = 10005

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

import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'

interface Waiting {
  readonly subject: string
  readonly resolve: (message: Msg) => void
  readonly reject: (error: HalfsecondError) => void
  readonly timer: NodeJS.Timeout
}

/**
 * Questions of a connection that wait for their answers. The library's own make an error for each
 * of them, answered or not, which costs as much as all the rest.
 */
export class Requests {
  private readonly connection: NatsConnection
  private readonly inbox: string
  private readonly waiting = new Map<string, Waiting>()
  private count = 0

  /** @param prefix of the subject that answers come to: pass what comes to `subject` to `replied` */
  constructor(connection: NatsConnection, prefix: string) {
    this.connection = connection
    this.inbox = createInbox(prefix)
  }

  /** What the answers come to. */
  get subject(): string {
    return `${this.inbox}.*`
  }

  /** Rejects with `UNAVAILABLE` at once where nobody answers, with `TIMEOUT` otherwise. */
  ask(
    subject: string,
    bytes: Uint8Array | string,
    timeoutMs: number,
    headers?: MsgHdrs,
  ): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const id = (++this.count).toString(36)
      const timer = setTimeout(() => this.settle(id)?.reject(late(subject)), timeoutMs)
      this.waiting.set(id, { subject, resolve, reject, timer })
      try {
        const reply = `${this.inbox}.${id}`
        this.connection.publish(subject, bytes, { reply, ...(headers && { headers }) })
      } catch (thrown) {
        const failure = toHalfsecondError(thrown, 'UNAVAILABLE', `cannot publish to ${subject}`)
        this.settle(id)?.reject(failure)
      }
    })
  }

  replied(message: Msg): void {
    const one = this.settle(message.subject.slice(this.inbox.length + 1))
    if (one === undefined) return
    if (message.headers?.code === 503) one.reject(nobody(one.subject))
    else one.resolve(message)
  }

  /** The connection broke: no answer comes any more. */
  fail(error: HalfsecondError): void {
    for (const id of [...this.waiting.keys()]) this.settle(id)?.reject(error)
  }

  private settle(id: string): Waiting | undefined {
    const one = this.waiting.get(id)
    if (one === undefined) return undefined
    this.waiting.delete(id)
    clearTimeout(one.timer)
    return one
  }
}

function late(subject: string): HalfsecondError {
  return new HalfsecondError('TIMEOUT', `no answer on ${subject}`)
}

function nobody(subject: string): HalfsecondError {
  return new HalfsecondError('UNAVAILABLE', `nobody answers on ${subject}`)
}

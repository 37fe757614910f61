import type { SharedHandler } from './ports.ts'

/** A handler that knows what it still answers, so that whoever takes it away can wait for the rest. */
export class CountedHandler {
  private readonly underWay = new Set<Promise<Uint8Array>>()
  private readonly inner: SharedHandler

  constructor(inner: SharedHandler) {
    this.inner = inner
  }

  readonly handle: SharedHandler = async (bytes, isAsked) => {
    const answer = Promise.resolve(this.inner(bytes, isAsked))
    this.underWay.add(answer)
    return answer.finally(() => this.underWay.delete(answer))
  }

  /** Resolves once nothing is answered any more, well or badly. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay)
  }
}

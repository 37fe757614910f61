/** Does work in the order in which it was asked for; what fails holds up nothing. */
export class OneByOne {
  private last: Promise<unknown> = Promise.resolve()

  /** Settles as the work does. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work)
    this.last = done.catch(() => undefined)
    return done
  }

  /** Resolves once all that was asked for until now is done, or has failed. */
  async settled(): Promise<void> {
    await this.last
  }
}

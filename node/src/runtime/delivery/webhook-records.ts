import { decode, encode, isFields } from '@halfsecond/protocol'
import type { Coordination } from '../ports.ts'
import type { DeadLetterOfWebhook, WebhookProgress } from './webhook.ts'

/** Signals of one webhook that are put aside, the newest: some 150 bytes each. */
export const deadMax = 1_000

/** Attempts at changing a value that others change too. */
const attemptsMax = 20

/** What all nodes know of the webhooks, kept in the coordination by their names. */
export class WebhookRecords {
  private readonly coordination: Coordination

  constructor(coordination: Coordination) {
    this.coordination = coordination
  }

  async progress(
    name: string,
  ): Promise<{ readonly progress: WebhookProgress; readonly revision: number } | undefined> {
    const revised = await this.coordination.get(progressKey(name))
    if (revised === undefined) return undefined
    return { progress: readProgress(decode(revised.value)), revision: revised.revision }
  }

  /** False where another node was first. */
  save(name: string, progress: WebhookProgress, revision: number): Promise<boolean> {
    return this.coordination.compareAndSet(progressKey(name), encode({ ...progress }), revision)
  }

  async dead(name: string): Promise<readonly DeadLetterOfWebhook[]> {
    return readDead((await this.coordination.get(deadKey(name)))?.value)
  }

  /** Changes what is put aside. Rejects with `UNAVAILABLE`. */
  async changeDead(
    name: string,
    change: (dead: readonly DeadLetterOfWebhook[]) => readonly DeadLetterOfWebhook[],
  ): Promise<void> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const revised = await this.coordination.get(deadKey(name))
      const dead = change(readDead(revised?.value)).slice(-deadMax)
      const value = encode(dead.map((one) => ({ ...one })))
      if (await this.coordination.compareAndSet(deadKey(name), value, revised?.revision ?? 0))
        return
    }
  }
}

function progressKey(name: string): string {
  return `webhook.${name}`
}

function deadKey(name: string): string {
  return `webhook.${name}.dead`
}

function readProgress(value: unknown): WebhookProgress {
  const fields = isFields(value) ? value : {}
  return {
    cursor: numberIn(fields.cursor),
    since: numberIn(fields.since),
    tries: numberIn(fields.tries),
    failingSince: numberIn(fields.failingSince),
    nextAt: numberIn(fields.nextAt),
    reason: textIn(fields.reason),
    taken: numberIn(fields.taken),
    dead: numberIn(fields.dead),
  }
}

function readDead(bytes: Uint8Array | undefined): readonly DeadLetterOfWebhook[] {
  const list: unknown = bytes === undefined ? [] : decode(bytes)
  return (Array.isArray(list) ? list : []).filter(isFields).map((fields) => ({
    cursor: numberIn(fields.cursor),
    id: textIn(fields.id),
    at: numberIn(fields.at),
    tries: numberIn(fields.tries),
    reason: textIn(fields.reason),
    isRetried: fields.isRetried === true,
  }))
}

function numberIn(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

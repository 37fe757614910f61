import { HalfsecondError, printable } from '@halfsecond/protocol'
import type { Clock, Coordination, Observer, Signals } from '../ports.ts'
import { Courier } from './courier.ts'
import type { DeadLetterOfWebhook, Postman, Webhook, WebhookProgress } from './webhook.ts'
import { WebhookRecords } from './webhook-records.ts'

/** What operators see of webhooks and do about them, whichever node they ask. */
export interface WebhookOperations {
  list(): Promise<readonly WebhookView[]>
  /** What was put aside, oldest first. Rejects with `INVALID` where there is no such webhook. */
  dead(name: string): Promise<readonly DeadLetterOfWebhook[]>
  /** Has all that was put aside tried once more; resolves with how many. Rejects as `dead`. */
  retry(name: string): Promise<number>
}

export interface WebhookView extends WebhookProgress {
  readonly name: string
  /** Without what stands behind its path, which may be a secret. */
  readonly url: string
  /** Kinds that it hears; null: all. */
  readonly signals: readonly string[] | null
  readonly segments: readonly string[] | null
}

export interface WebhooksDependencies {
  readonly webhooks: readonly Webhook[]
  readonly postman: Postman
  readonly signals: Pick<Signals, 'read'>
  readonly coordination: Coordination
  readonly clock: Clock
  readonly observer: Observer
}

/** The webhooks of a cluster; the node that coordinates it delivers. */
export class Webhooks implements WebhookOperations {
  private readonly webhooks: readonly Webhook[]
  private readonly records: WebhookRecords
  private readonly couriers: readonly Courier[]

  /** @param isActive whether this is the node that delivers */
  constructor(uses: WebhooksDependencies, isActive: () => boolean) {
    this.webhooks = uses.webhooks
    this.records = new WebhookRecords(uses.coordination)
    const { records } = this
    this.couriers = uses.webhooks.map(
      (webhook) => new Courier({ ...uses, webhook, records, isActive }),
    )
  }

  list(): Promise<readonly WebhookView[]> {
    return Promise.all(
      this.webhooks.map(async ({ name, url, signals, segments }) => {
        const known = await this.records.progress(name)
        const { origin, pathname } = new URL(url)
        return {
          name,
          url: `${origin}${pathname}`,
          signals: signals && [...signals],
          segments: segments && [...segments],
          ...(known?.progress ?? nothingYet),
        }
      }),
    )
  }

  async dead(name: string): Promise<readonly DeadLetterOfWebhook[]> {
    this.check(name)
    return this.records.dead(name)
  }

  async retry(name: string): Promise<number> {
    this.check(name)
    let count = 0
    await this.records.changeDead(name, (dead) => {
      count = dead.length
      return dead.map((one) => ({ ...one, isRetried: true }))
    })
    return count
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.couriers.map((courier) => courier.close()))
  }

  private check(name: string): void {
    if (this.webhooks.some((one) => one.name === name)) return
    const names = this.webhooks.map((one) => one.name).join(', ')
    throw new HalfsecondError(
      'INVALID',
      `no webhook is named "${printable(name)}"; ${names === '' ? 'there are none: see HALFSECOND_WEBHOOKS' : `there are ${names}`}`,
    )
  }
}

const nothingYet: WebhookProgress = {
  cursor: 0,
  since: 0,
  tries: 0,
  failingSince: 0,
  nextAt: 0,
  reason: '',
  taken: 0,
  dead: 0,
}

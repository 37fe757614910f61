import { isFields, toHalfsecondError } from '@halfsecond/protocol'
import type { Clock, Observer, Signals, StoredSignal, Timer } from '../ports.ts'
import type { DeadLetterOfWebhook, Postman, Webhook, WebhookProgress } from './webhook.ts'
import type { WebhookRecords } from './webhook-records.ts'

/** How often it is looked for new signals. */
const lookMs = 500

/** Signals of one read, and of one look at most: then other work has its turn. */
const pageSize = 100

/** How far a webhook is is written down so often at most: after a crash so much may come again. */
const saveMs = 1_000

/** Pauses between tries: four times as long each time, from one second to four hours. */
const firstPauseMs = 1_000
const longestPauseMs = 4 * 3_600_000

export interface CourierDependencies {
  readonly webhook: Webhook
  readonly records: WebhookRecords
  readonly signals: Pick<Signals, 'read'>
  readonly postman: Postman
  /** Whether this is the node that delivers. */
  readonly isActive: () => boolean
  readonly clock: Clock
  readonly observer: Observer
}

/**
 * Brings signals to one webhook: in order, each until it is taken or put aside.
 *
 * W1 the next signal is sent only when the one before was taken or put aside.
 * W2 one node delivers; where two believe to, each sees at its next save that another was first. What
 *    was sent twice bears the same id.
 * W3 it is put aside before it is passed over.
 */
export class Courier {
  private readonly uses: CourierDependencies
  private at: { progress: WebhookProgress; revision: number; isSaved: boolean } | undefined
  private savedAt = Number.NEGATIVE_INFINITY
  private timer: Timer | undefined
  private running: Promise<void> = Promise.resolve()
  private isClosed = false

  constructor(uses: CourierDependencies) {
    this.uses = uses
    this.schedule(0)
  }

  /** Ends after what is under way, and writes down how far it came. Never rejects. */
  async close(): Promise<void> {
    this.isClosed = true
    this.timer?.cancel()
    await this.running
    if (this.at && !this.at.isSaved) await this.save().catch(() => undefined)
  }

  private schedule(ms: number): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(ms, () => {
      this.running = this.look().then((isMore) => this.schedule(isMore ? 0 : lookMs))
    })
  }

  /** @returns whether there may be more at once */
  private async look(): Promise<boolean> {
    const { webhook, isActive, observer } = this.uses
    if (!isActive()) {
      this.at = undefined
      return false
    }
    try {
      this.at ??= await this.load()
      if (this.at === undefined) return false
      await this.retryDead()
      const isMore = await this.deliver()
      if (this.at && !this.at.isSaved) await this.save()
      return isMore
    } catch (error) {
      this.at = undefined
      const what = `webhook ${webhook.name} cannot go on`
      observer.failed('webhook', toHalfsecondError(error, 'UNAVAILABLE', what))
      return false
    }
  }

  private async load(): Promise<Courier['at']> {
    const { records, webhook, clock } = this.uses
    const known = await records.progress(webhook.name)
    if (known !== undefined) return { ...known, isSaved: true }
    await records.save(webhook.name, { ...start, since: clock.now() }, 0)
    const begun = await records.progress(webhook.name)
    return begun && { ...begun, isSaved: true }
  }

  private async deliver(): Promise<boolean> {
    const { clock, signals } = this.uses
    if (this.at === undefined || clock.now() < this.at.progress.nextAt) return false
    const page = await signals.read(this.at.progress.cursor, pageSize)
    for (const stored of page) {
      if (this.isClosed || !(await this.pass(stored))) return false
      if (clock.monotonic() - this.savedAt >= saveMs) await this.save()
      if (this.at === undefined) return false
    }
    return page.length === pageSize
  }

  /** @returns whether it is done with this signal */
  private async pass(stored: StoredSignal): Promise<boolean> {
    const { webhook, clock, observer } = this.uses
    if (this.at === undefined) return false
    const { progress } = this.at
    const id = this.idOfHeard(stored, progress)
    if (id === undefined) {
      this.go({ ...progress, cursor: stored.cursor })
      return true
    }
    const posting = await this.post(id, stored)
    const done = { ...progress, cursor: stored.cursor, ...calm }
    if (posting.kind === 'taken') {
      this.go({ ...done, taken: progress.taken + 1 })
      return true
    }
    const { reason } = posting
    const now = clock.now()
    const tries = progress.tries + 1
    const failingSince = progress.tries === 0 ? now : progress.failingSince
    if (now - failingSince < webhook.giveUpMs) {
      const pauseMs = Math.min(firstPauseMs * 4 ** (tries - 1), longestPauseMs)
      // The last try is when the time is over, not long before.
      const nextAt = Math.min(now + pauseMs, failingSince + webhook.giveUpMs)
      this.go({ ...progress, tries, failingSince, nextAt, reason })
      return false
    }
    const { cursor } = stored
    await this.putAside({ cursor, id, at: now, tries, reason, isRetried: false })
    observer.posted('dead')
    observer.noted('warn', `webhook ${webhook.name} did not take a signal: it was put aside`, {
      id,
      reason,
    })
    this.go({ ...done, dead: progress.dead + 1 })
    return true
  }

  /** The id of a signal that the webhook wants to hear; undefined for others. */
  private idOfHeard({ text }: StoredSignal, { since }: WebhookProgress): string | undefined {
    const { signals, segments } = this.uses.webhook
    const signal: unknown = JSON.parse(text)
    if (!isFields(signal) || typeof signal.id !== 'string' || typeof signal.signal !== 'string')
      return undefined
    const isOld = typeof signal.at !== 'number' || signal.at < since
    if (isOld || signals?.has(signal.signal) === false) return undefined
    const { segment } = signal
    const isHeard = segments === null || (typeof segment === 'string' && segments.has(segment))
    return isHeard ? signal.id : undefined
  }

  private async post(id: string, { text }: StoredSignal) {
    const { webhook, postman, clock, observer } = this.uses
    const posting = await postman.post(webhook, { id, text, at: clock.now() })
    observer.posted(posting.kind)
    return posting
  }

  private go(progress: WebhookProgress): void {
    if (this.at) this.at = { ...this.at, progress, isSaved: false }
  }

  private async save(): Promise<void> {
    const { records, webhook, clock } = this.uses
    if (this.at === undefined) return
    const { progress, revision } = this.at
    this.savedAt = clock.monotonic()
    const isOurs = await records.save(webhook.name, progress, revision)
    // The revision is known only after a look; another node that delivers is noticed by it too.
    this.at = isOurs ? await this.load() : undefined
  }

  private putAside(letter: DeadLetterOfWebhook): Promise<void> {
    const { records, webhook } = this.uses
    return records.changeDead(webhook.name, (dead) => [
      ...dead.filter(({ cursor }) => cursor !== letter.cursor),
      letter,
    ])
  }

  /** Once more what an operator wants to be tried again. */
  private async retryDead(): Promise<void> {
    const { records, webhook, signals, clock } = this.uses
    for (const letter of await records.dead(webhook.name)) {
      if (!letter.isRetried) continue
      const { cursor, id } = letter
      const [stored] = await signals.read(cursor - 1, 1)
      const isThere = stored?.cursor === cursor
      const posting = isThere ? await this.post(id, stored) : gone
      if (posting.kind === 'taken') {
        await records.changeDead(webhook.name, (dead) => dead.filter((one) => one.id !== id))
        continue
      }
      // Whoever does not take one would not take the others either.
      const failed = { at: clock.now(), tries: letter.tries + 1, reason: posting.reason }
      await records.changeDead(webhook.name, (dead) =>
        dead.map((one) => ({ ...one, ...(one.id === id && failed), isRetried: false })),
      )
      return
    }
  }
}

const calm = { tries: 0, failingSince: 0, nextAt: 0, reason: '' }
const start: WebhookProgress = { cursor: 0, since: 0, taken: 0, dead: 0, ...calm }

/** Of the person that it told of nothing may be told any more, or it is older than what is kept. */
const gone = { kind: 'taken' } as const

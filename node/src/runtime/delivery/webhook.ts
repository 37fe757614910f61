/** Where another system listens for signals, as the operator configured it. */
export interface Webhook {
  /** 1 to 32 of a–z, 0–9, _ and -. */
  readonly name: string
  readonly url: string
  /** Kinds of signals that it hears; null: all. */
  readonly signals: ReadonlySet<string> | null
  /** Segments that it hears of; null: all, and signals that are about none. */
  readonly segments: ReadonlySet<string> | null
  /** Each of them signs: while one takes the place of another the receiver may know either. */
  readonly secrets: readonly string[]
  /** A signal that is not taken for so long is put aside, and the next goes on. */
  readonly giveUpMs: number
}

/** What became of a message. */
export type Posting =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: string }

/** Brings one message to another system. */
export interface Postman {
  /** Never rejects, and takes a bounded time. */
  post(webhook: Webhook, message: WebhookMessage): Promise<Posting>
}

export interface WebhookMessage {
  /** The same each time that it is sent. */
  readonly id: string
  /** When it is sent, in milliseconds since 1970. */
  readonly at: number
  readonly text: string
}

/** A signal that a webhook did not take. Its text stays where signals are: an erase removes it there. */
export interface DeadLetterOfWebhook {
  readonly cursor: number
  readonly id: string
  /** When it was put aside, in milliseconds since 1970. */
  readonly at: number
  readonly tries: number
  readonly reason: string
  /** An operator wants it to be tried again. */
  readonly isRetried: boolean
}

/** How far a webhook is. */
export interface WebhookProgress {
  /** The last signal that it is done with. */
  readonly cursor: number
  /** Signals of before it is not told, in milliseconds since 1970. */
  readonly since: number
  /** How often the next signal was tried in vain, since when, and when it is tried again. */
  readonly tries: number
  readonly failingSince: number
  readonly nextAt: number
  readonly reason: string
  /** Signals that it took, and that were put aside. */
  readonly taken: number
  readonly dead: number
}

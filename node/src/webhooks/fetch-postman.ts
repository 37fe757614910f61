import { createHmac } from 'node:crypto'
import type { Posting, Postman, Webhook, WebhookMessage } from '../runtime/delivery/webhook.ts'

/** How long another system may take to say that it has a signal. It should do its work later. */
const timeoutMs = 5_000

/** Sends signals over HTTP, signed as Standard Webhooks says. What is answered is not read. */
export class FetchPostman implements Postman {
  private readonly timeoutMs: number

  constructor(options: { readonly timeoutMs?: number } = {}) {
    this.timeoutMs = options.timeoutMs ?? timeoutMs
  }

  async post(webhook: Webhook, message: WebhookMessage): Promise<Posting> {
    try {
      const response = await fetch(webhook.url, {
        method: 'POST',
        body: message.text,
        headers: headersOf(webhook, message),
        // It would be followed with all that is in it, to wherever another system says.
        redirect: 'manual',
        signal: AbortSignal.timeout(this.timeoutMs),
      })
      await response.body?.cancel()
      const { ok, status } = response
      return ok ? { kind: 'taken' } : { kind: 'refused', reason: `it answers ${status}` }
    } catch (error) {
      return { kind: 'refused', reason: this.reasonOf(error) }
    }
  }

  private reasonOf(error: unknown): string {
    if (!(error instanceof Error)) return 'it cannot be reached'
    if (error.name === 'TimeoutError') return `no answer within ${this.timeoutMs} ms`
    const { cause } = error
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : error.message
    return `it cannot be reached: ${code.slice(0, 64)}`
  }
}

/** @see https://www.standardwebhooks.com */
function headersOf({ secrets }: Webhook, { id, at, text }: WebhookMessage): Record<string, string> {
  const timestamp = Math.floor(at / 1_000)
  const signed = `${id}.${timestamp}.${text}`
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', keyOf(secret)).update(signed).digest('base64')}`,
  )
  return {
    'content-type': 'application/json',
    'user-agent': 'halfsecond',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}

function keyOf(secret: string): Uint8Array {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
}

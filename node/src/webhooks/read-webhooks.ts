import { readFileSync } from 'node:fs'
import { HalfsecondError, printable } from '@halfsecond/protocol'
import { parseDuration } from '../core/duration.ts'
import { PlaybookError } from '../playbook/faults.ts'
import { formOf, SourceDocument } from '../playbook/source-document.ts'
import type { Webhook } from '../runtime/delivery/webhook.ts'
import { isWebhookSecret } from './webhook-secret.ts'

/** The file of webhooks, larger than any that a person writes. */
const fileBytesMax = 256 * 1024

const usualGiveUpMs = 24 * 3_600_000
const giveUpRangeMs = { min: 1_000, max: 7 * 24 * 3_600_000 }

interface WebhooksSource {
  readonly webhooks: { readonly [name: string]: WebhookSource }
}

interface WebhookSource {
  readonly url: string
  readonly signals?: readonly string[]
  readonly segments?: readonly string[]
  readonly secret?: string
  readonly giveUpAfter?: string
}

export const webhooksSchema: object = JSON.parse(
  readFileSync(new URL('./webhooks.schema.json', import.meta.url), 'utf8'),
)

const form = formOf<WebhooksSource>(webhooksSchema, 'files of webhooks')

const told = { file: 'webhooks', refusal: 'the webhooks were not taken' }

/** Secrets by the name of their webhook, as the environment has them. */
export type WebhookSecrets = ReadonlyMap<string, readonly string[]>

/** @throws HalfsecondError `INVALID` where there is no such file, PlaybookError with every fault in it */
export function webhooksIn(path: string, secrets: WebhookSecrets): readonly Webhook[] {
  return readWebhooks(textIn(path), secrets)
}

/** Checks the text of a file of webhooks, YAML or JSON. @throws PlaybookError with every fault */
export function readWebhooks(text: string, secrets: WebhookSecrets): readonly Webhook[] {
  const tooLarge = `a file of webhooks has at most ${fileBytesMax} bytes`
  if (Buffer.byteLength(text) > fileBytesMax)
    throw new PlaybookError([{ line: 1, column: 1, path: '', message: tooLarge }], told)
  const document = new SourceDocument(text, form)
  const { source } = document
  if (source === undefined) throw new PlaybookError(document.faults, told)
  const webhooks = Object.entries(source.webhooks).map(([name, one]) =>
    webhookOf(name, one, secrets.get(name) ?? [], document),
  )
  for (const name of secrets.keys())
    if (!Object.hasOwn(source.webhooks, name))
      document.add(
        ['webhooks'],
        `HALFSECOND_WEBHOOK_SECRETS names "${printable(name)}", which is not here`,
      )
  if (document.faults.length > 0) throw new PlaybookError(document.faults, told)
  return webhooks
}

function webhookOf(
  name: string,
  { url, signals, segments, secret, giveUpAfter }: WebhookSource,
  fromEnvironment: readonly string[],
  document: SourceDocument<WebhooksSource>,
): Webhook {
  const path = ['webhooks', name]
  if (!/^[a-z0-9_-]{1,32}$/.test(name))
    document.addAtKey(path, 'the name of a webhook has 1 to 32 of a–z, 0–9, _ and -')
  const fault = urlFault(url)
  if (fault !== undefined) document.add([...path, 'url'], fault)
  const secrets = [...(secret === undefined ? [] : [secret]), ...fromEnvironment]
  if (secrets.length === 0)
    document.add(
      path,
      `it has no secret, which receivers know its signals by: set HALFSECOND_WEBHOOK_SECRETS=${name}:whsec_…`,
    )
  if (secret !== undefined && !isWebhookSecret(secret))
    document.add([...path, 'secret'], 'a secret is whsec_ and base64 of 24 to 64 bytes')
  const giveUpMs = giveUpAfter === undefined ? usualGiveUpMs : parseDuration(giveUpAfter)
  const { min, max } = giveUpRangeMs
  if (giveUpMs === undefined || giveUpMs < min || giveUpMs > max)
    document.add([...path, 'giveUpAfter'], 'must be a duration from 1s to 7d')
  return {
    name,
    url,
    signals: signals === undefined ? null : new Set(signals),
    segments: segments === undefined ? null : new Set(segments),
    secrets,
    giveUpMs: giveUpMs ?? usualGiveUpMs,
  }
}

/** Signals tell who somebody is: nobody on the way may read them. */
function urlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be an address like https://crm.example/signals'
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return 'no user or password here: signals are signed'
  const isHere = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
  if (protocol === 'https:' || (protocol === 'http:' && isHere)) return undefined
  return 'must begin with https://; http:// is for this machine only'
}

function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new HalfsecondError('INVALID', `HALFSECOND_WEBHOOKS: cannot read ${printable(path)}`, {
      cause,
    })
  }
}

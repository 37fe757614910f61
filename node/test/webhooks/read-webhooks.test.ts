import { describe, expect, it } from 'vitest'
import { PlaybookError } from '../../src/playbook/faults.ts'
import { readWebhooks, type WebhookSecrets, webhooksIn } from '../../src/webhooks/read-webhooks.ts'

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const other = `whsec_${Buffer.alloc(24, 2).toString('base64')}`
const none: WebhookSecrets = new Map()

function faultsOf(text: string, secrets = none): string[] {
  try {
    readWebhooks(text, secrets)
    return []
  } catch (error) {
    if (error instanceof PlaybookError)
      return error.faults.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
}

describe('a file of webhooks', () => {
  it('says where signals go, which of them, and who can know them', () => {
    const text = `
webhooks:
  crm: { url: "https://crm.example/hs", secret: ${secret}, signals: [entered, left], giveUpAfter: 1h }
  mail: { url: "http://localhost:8080/hs", segments: [gold] }
`
    const secrets = new Map([
      ['crm', [other]],
      ['mail', [other]],
    ])

    expect(readWebhooks(text, secrets)).toEqual([
      {
        name: 'crm',
        url: 'https://crm.example/hs',
        signals: new Set(['entered', 'left']),
        segments: null,
        secrets: [secret, other],
        giveUpMs: 3_600_000,
      },
      {
        name: 'mail',
        url: 'http://localhost:8080/hs',
        signals: null,
        segments: new Set(['gold']),
        secrets: [other],
        giveUpMs: 86_400_000,
      },
    ])
  })

  it('is refused with everything that is wrong in it', () => {
    const text = `
webhooks:
  CRM: { url: "https://crm.example/hs", secret: ${secret} }
  open: { url: "http://crm.example/hs", secret: ${secret} }
  none: { url: "https://crm.example/hs" }
  weak: { url: "https://crm.example/hs", secret: whsec_abc, giveUpAfter: 30d }
  user: { url: "https://ann:x@crm.example/hs", secret: ${secret} }
`
    expect(faultsOf(text, new Map([['gone', [secret]]]))).toEqual([
      'webhooks.CRM: the name of a webhook has 1 to 32 of a–z, 0–9, _ and -',
      'webhooks: HALFSECOND_WEBHOOK_SECRETS names "gone", which is not here',
      'webhooks.open.url: must begin with https://; http:// is for this machine only',
      'webhooks.none: it has no secret, which receivers know its signals by: set HALFSECOND_WEBHOOK_SECRETS=none:whsec_…',
      'webhooks.weak.secret: a secret is whsec_ and base64 of 24 to 64 bytes',
      'webhooks.weak.giveUpAfter: must be a duration from 1s to 7d',
      'webhooks.user.url: no user or password here: signals are signed',
    ])
  })

  it('that is not there is named', () => {
    expect(() => webhooksIn('/nowhere/hooks.yaml', none)).toThrow(
      'HALFSECOND_WEBHOOKS: cannot read /nowhere/hooks.yaml',
    )
  })
})

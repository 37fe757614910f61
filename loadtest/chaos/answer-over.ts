import { isFields } from '@halfsecond/protocol'

export interface AnswerOverHttp {
  /** Numbered events that the answer knows; undefined where it is no answer. */
  readonly known: number | undefined
  /** Undefined where there is none. */
  readonly freshness: string | undefined
}

/** What a node's public port says about a visitor. Never rejects. */
export async function answerOver(url: string, anon: string): Promise<AnswerOverHttp> {
  try {
    const response = await fetch(`${url}/v1/decide`, {
      method: 'POST',
      body: JSON.stringify({ identifiers: { anon }, placements: ['page'] }),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(2_000),
    })
    const body: unknown = await response.json()
    const decisions = isFields(body) ? body.decisions : undefined
    const [decision]: unknown[] = Array.isArray(decisions) ? decisions : []
    if (!isFields(decision) || decision.error !== undefined) return none
    const { propositions, freshness } = decision
    const [first]: unknown[] = Array.isArray(propositions) ? propositions : []
    const content = isFields(first) ? first.content : undefined
    return {
      known: isFields(content) ? Number(content.known) : undefined,
      freshness: typeof freshness === 'string' ? freshness : undefined,
    }
  } catch {
    return none
  }
}

const none = { known: undefined, freshness: undefined }

/*
 * The node's public API, as any channel may use it. Every call tells how long it took, from before
 * it is sent until its answer is read.
 */

/**
 * @typedef {{ readonly title?: unknown, readonly link?: unknown, readonly say?: unknown }} Content
 *   what the example playbook's placements hold
 * @typedef {{ readonly content: Content, readonly offer?: string, readonly token?: string }} Proposition
 * @typedef {Proposition & {
 *   readonly placement: string,
 *   readonly reason: string,
 *   readonly freshness: string,
 *   readonly playbook: number,
 *   readonly propositions: readonly Proposition[],
 *   readonly error?: { readonly message: string },
 * }} Decision
 * @typedef {{ readonly offer: string, readonly verdict: string, readonly reason: string }} Candidate
 * @typedef {{
 *   readonly placement: string,
 *   readonly sentence: string,
 *   readonly candidates: readonly Candidate[],
 *   readonly facts: { readonly [name: string]: boolean | 'unknown' },
 * }} Explanation
 * @typedef {{ readonly position: string } | { readonly error: { readonly message: string } }} Result
 * @typedef {{ readonly kind: string, readonly key: string, readonly [field: string]: unknown }} NewRecord
 * @typedef {{ readonly path: string, readonly sent: unknown, readonly answer: unknown }} Exchange
 *   one request as a developer would send it
 */

/**
 * @template T
 * @typedef {{ readonly answer: T, readonly ms: number, readonly exchange: Exchange }} Answered
 */

/**
 * Records what happened. Resolves once all of it is in the log.
 * @param {readonly NewRecord[]} records
 * @returns {Promise<Answered<readonly string[]>>} positions, in order
 */
export async function record(records) {
  const named = records.map((one) => ({ id: randomId(), at: Date.now(), ...one }))
  return positionsOf(await post('/v1/events', { records: named }))
}

/**
 * Records what became of content. Resolves once it is in the log.
 * @param {readonly { readonly token: string, readonly outcome: string }[]} outcomes
 * @returns {Promise<Answered<readonly string[]>>}
 */
export async function report(outcomes) {
  return positionsOf(await post('/v1/outcomes', outcomes))
}

/**
 * @param {{ readonly [namespace: string]: string }} identifiers
 * @param {readonly string[]} placements
 * @param {string | undefined} position what the answer must reflect
 * @returns {Promise<Answered<{ readonly [placement: string]: Decision }>>}
 */
export async function decide(identifiers, placements, position) {
  const question = { identifiers, placements, ...(position && { position }) }
  const { answer, ...call } = await post('/v1/decide', question)
  return { answer: answer.decisions, ...call }
}

/**
 * What would be shown now, and why. Only for visitors that this page made up.
 * @param {string} identifier
 * @param {readonly string[]} placements
 * @returns {Promise<readonly Explanation[]>}
 */
export async function explain(identifier, placements) {
  const query = placements.map((one) => `placement=${encodeURIComponent(one)}`).join('&')
  const { answer } = await call(`/v1/profiles/${encodeURIComponent(identifier)}/why?${query}`)
  return answer.explanations
}

/** 128 random bits. Also where the page was not loaded over TLS. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** @param {string} path @param {unknown} body */
function post(path, body) {
  const headers = { 'content-type': 'application/json' }
  return call(path, { method: 'POST', headers, body: JSON.stringify(body) }, body)
}

/** @param {string} path @param {RequestInit} [init] @param {unknown} [sent] */
async function call(path, init, sent) {
  const started = performance.now()
  const response = await fetch(path, init)
  const answer = await response.json()
  const ms = performance.now() - started
  if (!response.ok) throw new Error(String(answer.detail))
  return { answer, ms, exchange: { path, sent, answer } }
}

/**
 * @param {{ readonly answer: { readonly results: readonly Result[] }, readonly ms: number, readonly exchange: Exchange }} called
 * @returns {Answered<readonly string[]>}
 */
function positionsOf({ answer, ms, exchange }) {
  const positions = answer.results.map((result) => {
    if ('error' in result) throw new Error(result.error.message)
    return result.position
  })
  return { answer: positions, ms, exchange }
}

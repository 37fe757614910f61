import { HalfsecondError, isErrorCode, isFields, toHalfsecondError } from '@halfsecond/protocol'
import type { Surroundings } from './surroundings.ts'

const requestMs = 10_000

export const defaultAdminUrl = 'http://127.0.0.1:7501'

/** Reads an option or the environment. */
export function adminUrl(option: string | undefined, around: Surroundings): string {
  return option ?? (around.env.HALFSECOND_ADMIN_URL || defaultAdminUrl)
}

/** Asks a node's admin port. Rejects with `UNAVAILABLE` where there is none, and what to do then. */
export class AdminClient {
  private readonly url: string

  /** @throws HalfsecondError `INVALID` for what is no http address */
  constructor(url: string) {
    if (!/^https?:\/\//.test(url)) {
      throw new HalfsecondError(
        'INVALID',
        `"${url.slice(0, 64)}" is no address: use http://host:7501`,
      )
    }
    this.url = url.replace(/\/+$/, '')
  }

  async get(path: string): Promise<unknown> {
    return json(await this.fetch(path, {}))
  }

  async post(path: string, type: string, body: string | Uint8Array): Promise<unknown> {
    return json(await this.fetch(path, { method: 'POST', body, headers: { 'content-type': type } }))
  }

  /** As `get`, for what reads all that the cluster knows: it takes its time. */
  async getLong(path: string): Promise<unknown> {
    return json(await this.fetch(path, {}, false))
  }

  /** As `post`, for what reads all that the cluster knows: it takes its time. */
  async postLong(path: string, type: string, body: string): Promise<unknown> {
    const request = { method: 'POST', body, headers: { 'content-type': type } }
    return json(await this.fetch(path, request, false))
  }

  /** The body as it comes, without a limit of time or size. */
  async stream(path: string): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.fetch(path, {}, false)
    if (response.body === null) throw new HalfsecondError('MALFORMED', 'an answer without a body')
    return response.body
  }

  private async fetch(path: string, init: RequestInit, isTimed = true): Promise<Response> {
    let response: Response
    try {
      const signal = isTimed ? { signal: AbortSignal.timeout(requestMs) } : {}
      const headers = { accept: 'application/json', ...init.headers }
      response = await fetch(this.url + path, { ...init, headers, ...signal })
    } catch (thrown) {
      if (thrown instanceof Error && thrown.name === 'TimeoutError') {
        throw new HalfsecondError(
          'TIMEOUT',
          `no answer from ${this.url} within ${requestMs / 1000} s`,
        )
      }
      throw new HalfsecondError(
        'UNAVAILABLE',
        `no node answers at ${this.url}; start one with: halfsecond dev, or name another with --admin-url or HALFSECOND_ADMIN_URL`,
        { cause: thrown },
      )
    }
    if (!response.ok) throw await problemOf(response)
    return response
  }
}

async function json(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch (error) {
    throw toHalfsecondError(error, 'MALFORMED', 'not an answer of a halfsecond node')
  }
}

/** `application/problem+json`. */
async function problemOf(response: Response): Promise<Error> {
  const text = await response.text()
  try {
    const problem: unknown = JSON.parse(text)
    if (isFields(problem) && isErrorCode(problem.code)) {
      return new Problem(problem.code, String(problem.detail), problem)
    }
  } catch {
    // No node of ours, or a proxy before it: the status says what there is to say.
  }
  return new HalfsecondError(
    'INVALID',
    `${response.url} answers with HTTP status ${response.status}`,
  )
}

/** An error that a node answered, with all that it said. */
export class Problem extends HalfsecondError {
  readonly details: { readonly [name: string]: unknown }

  constructor(
    code: HalfsecondError['code'],
    message: string,
    details: { readonly [name: string]: unknown },
  ) {
    super(code, message)
    this.details = details
  }
}

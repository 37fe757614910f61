import { RequestError } from './problem.ts'

/** The addresses of a listener and their methods: to tell a wrong method from a wrong address. */
export class Addresses {
  private readonly methods = new Map<string, Set<string>>()

  add(pattern: string, method: string | readonly string[]): void {
    const known = this.methods.get(pattern) ?? new Set()
    for (const one of [method].flat()) known.add(one)
    this.methods.set(pattern, known)
  }

  /** Why no route answers this request: 405 with the methods that would, or 404. */
  refusal(method: string, url: string): RequestError {
    const path = url.split('?', 1)[0] ?? ''
    for (const [pattern, methods] of this.methods) {
      if (!matches(pattern, path) || methods.has(method)) continue
      const allow = [...methods].join(', ')
      return new RequestError(405, 'INVALID', `this address takes ${allow}`, allow)
    }
    return new RequestError(404, 'INVALID', 'no such address; /docs lists all')
  }
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const parts = path.split('/', wanted.length + 1)
  return (
    parts.length === wanted.length &&
    wanted.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i]))
  )
}

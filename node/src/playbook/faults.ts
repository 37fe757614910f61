/** Something wrong in an author's text, with its place in the file. Lines and columns count from 1. */
export interface Fault {
  readonly line: number
  readonly column: number
  /** Path of keys, like `offers.store-card.when`. */
  readonly path: string
  readonly message: string
  /** The line of text that the message is about, and where in it to point. */
  readonly excerpt?: { readonly text: string; readonly start: number; readonly end: number }
}

/** A text that is no playbook, or no identity configuration. */
export class PlaybookError extends Error {
  override readonly name = 'PlaybookError'
  readonly faults: readonly Fault[]
  /** What became of the text, in words. */
  readonly refusal: string

  /** @param faults in any order; they are told in the order of the file */
  constructor(
    faults: readonly Fault[],
    { file, refusal } = { file: 'playbook', refusal: 'the playbook was not published' },
  ) {
    const ordered = faults.toSorted((a, b) => a.line - b.line || a.column - b.column)
    super(ordered.map((fault) => describeFault(file, fault)).join('\n'))
    this.faults = ordered
    this.refusal = refusal
  }
}

/** One fault as text: `file:line:column path: message`, and the excerpt with carets below it. */
export function describeFault(file: string, fault: Fault): string {
  const { line, column, path, message, excerpt } = fault
  const head = `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}`
  if (excerpt === undefined) return head
  const width = Math.max(1, excerpt.end - excerpt.start)
  return `${head}\n    ${excerpt.text}\n    ${' '.repeat(excerpt.start)}${'^'.repeat(width)}`
}

/** Nobody means a name of this length by mistake, and comparing it costs its square. */
const nameCharsMax = 128

/** The known name that is nearest to a wrong one, as a question; empty if none is near. */
export function didYouMean(wrong: string, known: Iterable<string>): string {
  let best = ''
  if (wrong.length > nameCharsMax) return ''
  let bestDistance = Math.max(Math.floor(wrong.length / 3) + 1, wrong.length > 3 ? 3 : 2)
  for (const name of known) {
    if (Math.abs(name.length - wrong.length) >= bestDistance) continue
    const distance = editDistance(wrong, name)
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  return best === '' ? '' : `; did you mean "${best}"?`
}

/** Levenshtein's distance of two short names. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

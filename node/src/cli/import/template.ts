import { type Cells, cellText } from './cells.ts'

/** Text with columns in it, like `crm:${id}`. */
export type Template = readonly Part[]

type Part = { readonly text: string } | { readonly column: string }

/** Undefined where a `${` has no end, or no column stands in it. */
export function parseTemplate(text: string): Template | undefined {
  const parts: Part[] = []
  let rest = text
  while (rest !== '') {
    const start = rest.indexOf('${')
    const before = start < 0 ? rest : rest.slice(0, start)
    if (before !== '') parts.push({ text: before })
    if (start < 0) break
    const end = rest.indexOf('}', start)
    const column = rest.slice(start + 2, end)
    if (end < 0 || column === '') return undefined
    parts.push({ column })
    rest = rest.slice(end + 1)
  }
  return parts
}

/** The text for a row; undefined where a column of it is empty. */
export function fill(template: Template, cells: Cells): string | undefined {
  let text = ''
  for (const part of template) {
    const piece = 'text' in part ? part.text : cellText(cells(part.column)).trim()
    if (piece === '') return undefined
    text += piece
  }
  return text
}

export function columnsOf(template: Template): string[] {
  return template.flatMap((part) => ('column' in part ? [part.column] : []))
}

import { encode, propertiesFault, type Value } from '@halfsecond/protocol'
import type { Read } from '../core/condition/read.ts'
import type { Candidate } from '../core/decision/playbook.ts'
import { parseCel } from './cel.ts'
import type { Compilation } from './compilation.ts'
import { ConditionError } from './condition-error.ts'
import { compileContent } from './content.ts'
import type { Path } from './document.ts'
import { didYouMean } from './faults.ts'
import type { OfferSource } from './source.ts'

/** Content larger than this belongs behind a link. */
const contentBytesMax = 16 * 1024

export type Form = Pick<Candidate, 'content' | 'contentReads'>

/** The contents of a playbook. */
export class Treatments {
  private readonly compilation: Compilation
  private readonly forms = new Map<string, Form>()

  constructor(compilation: Compilation) {
    this.compilation = compilation
  }

  /** An offer's content for a format, compiled once however many placements show it. */
  form(offer: string, format: string, source: OfferSource): Form {
    const key = JSON.stringify([offer, format])
    let form = this.forms.get(key)
    if (form === undefined) {
      form = this.compile(
        ['offers', offer, 'treatments', format],
        source.treatments[format] ?? null,
      )
      this.forms.set(key, form)
    }
    return form
  }

  checkContent(path: Path, content: Value): void {
    const { document } = this.compilation
    const fault = propertiesFault('content', { content })
    if (fault !== undefined) {
      document.add(path, fault.replace('content.content: ', ''))
      return
    }
    const bytes = encode(content).length
    if (bytes > contentBytesMax)
      document.add(
        path,
        `content of ${bytes} bytes; at most ${contentBytesMax}: refer to it by a link`,
      )
  }

  /** A format that no placement shows is a typing error more often than a plan. */
  checkFormats(): void {
    const { source, document } = this.compilation
    const formats = new Set(Object.values(source.placements).map(({ format }) => format))
    for (const [name, { treatments }] of Object.entries(source.offers ?? {})) {
      for (const format of Object.keys(treatments)) {
        if (!formats.has(format))
          document.add(
            ['offers', name, 'treatments', format],
            `no placement has the format "${format}"${didYouMean(format, formats)}`,
          )
      }
    }
  }

  private compile(path: Path, content: Value): Form {
    this.checkContent(path, content)
    const { checker, document } = this.compilation
    let at: Path = path
    let text = ''
    const contentReads: Read[] = []
    const compile = (cel: string) => {
      const { expression, reads } = checker.value(parseCel(cel))
      contentReads.push(...reads)
      return expression
    }
    const onText = (inner: Path) => {
      at = [...path, ...inner]
      text = textAt(content, inner)
    }
    try {
      return { content: compileContent(content, compile, onText), contentReads }
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      document.addInText(at, text, error.start, error.end, error.message)
      return { content: () => undefined, contentReads }
    }
  }
}

function textAt(content: Value, path: Path): string {
  let value: unknown = content
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return typeof value === 'string' ? value : ''
}

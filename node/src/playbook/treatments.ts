import { encode, propertiesFault, type Value } from '@halfsecond/protocol'
import type { Read } from '../core/condition/read.ts'
import { localeKey } from '../core/decision/locale.ts'
import type { Candidate, ContentScope } from '../core/decision/playbook.ts'
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

/** Content in one language. */
interface Version {
  readonly content: (scope: ContentScope) => Value | undefined
  readonly reads: readonly Read[]
}

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
      form = this.compileForm(offer, format, source)
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
    for (const [name, offer] of Object.entries(source.offers ?? {})) {
      const { treatments } = offer
      for (const format of Object.keys(treatments)) {
        if (!formats.has(format))
          document.add(
            ['offers', name, 'treatments', format],
            `no placement has the format "${format}"${didYouMean(format, formats)}`,
          )
      }
      this.checkLocales(name, offer)
    }
  }

  private checkLocales(name: string, { treatments, locales = {} }: OfferSource): void {
    const { document } = this.compilation
    const keys = new Set<string>()
    for (const [locale, translated] of Object.entries(locales)) {
      const path = ['offers', name, 'locales', locale]
      const key = localeKey(locale)
      if (keys.has(key)) document.addAtKey(path, 'this language is here twice')
      keys.add(key)
      for (const format of Object.keys(translated)) {
        if (Object.hasOwn(treatments, format)) continue
        const hint = didYouMean(format, Object.keys(treatments)) || ': others would see nothing'
        document.addAtKey([...path, format], `no treatment "${format}" for all others${hint}`)
      }
    }
  }

  /** The version that fits a visitor's language best, of those that can be filled in. */
  private compileForm(offer: string, format: string, source: OfferSource): Form {
    const plain = this.compile(
      ['offers', offer, 'treatments', format],
      source.treatments[format] ?? null,
    )
    const versions = new Map<string, Version>()
    for (const [locale, { [format]: content }] of Object.entries(source.locales ?? {})) {
      if (content === undefined) continue
      const path = ['offers', offer, 'locales', locale, format]
      versions.set(localeKey(locale), this.compile(path, content))
    }
    if (versions.size === 0) return { content: plain.content, contentReads: () => plain.reads }
    return {
      content: (scope) => {
        for (const locale of scope.locales) {
          const content = versions.get(locale)?.content(scope)
          if (content !== undefined) return content
        }
        return plain.content(scope)
      },
      contentReads: (locales) => [
        ...locales.flatMap((locale) => versions.get(locale)?.reads ?? []),
        ...plain.reads,
      ],
    }
  }

  private compile(path: Path, content: Value): Version {
    this.checkContent(path, content)
    const { checker, document } = this.compilation
    let at: Path = path
    let text = ''
    const reads: Read[] = []
    const compile = (cel: string) => {
      const checked = checker.value(parseCel(cel))
      reads.push(...checked.reads)
      return checked.expression
    }
    const onText = (inner: Path) => {
      at = [...path, ...inner]
      text = textAt(content, inner)
    }
    try {
      return { content: compileContent(content, compile, onText), reads }
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      document.addInText(at, text, error.start, error.end, error.message)
      return { content: () => undefined, reads }
    }
  }
}

function textAt(content: Value, path: Path): string {
  let value: unknown = content
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return typeof value === 'string' ? value : ''
}

import { isFields } from '@halfsecond/protocol'
import { parseDocument } from 'yaml'

/*
 * Which version of each catalogue a playbook decides by stands in its text, under the key
 * `catalogueVersions`: so the hash of the text names all that a decision depends on.
 */

const key = 'catalogueVersions'

/** Catalogues that a text declares → the version that it is bound to; undefined: the newest. */
export function catalogueVersionsOf(text: string): ReadonlyMap<string, string | undefined> {
  // Most have none, and reading the whole text to find that out takes longer than compiling it.
  if (!text.includes('catalogues') && !text.includes('\\')) return new Map()
  const { catalogues, [key]: versions } = parsed(text)?.value ?? {}
  if (!isFields(catalogues)) return new Map()
  return new Map(
    Object.keys(catalogues).map((name) => {
      const version = isFields(versions) ? versions[name] : undefined
      return [name, typeof version === 'string' ? version : undefined] as const
    }),
  )
}

/** The text, bound to these versions. What its author wrote stays as it is, line by line. */
export function withCatalogueVersions(text: string, versions: ReadonlyMap<string, string>): string {
  if (versions.size === 0) return text
  const document = parsed(text)?.document
  if (document === undefined) return text
  const bound = JSON.stringify(Object.fromEntries(versions))
  if (!document.has(key) && !text.trimStart().startsWith('{'))
    return `${text.replace(/\n*$/, '\n')}${key}: ${bound}\n`
  document.set(key, Object.fromEntries(versions))
  return document.toString()
}

/** Undefined for what is not YAML: whoever compiles it says why. */
function parsed(text: string) {
  const document = parseDocument(text, { prettyErrors: false, stringKeys: true, uniqueKeys: false })
  if (document.errors.length > 0) return undefined
  const value: unknown = document.toJS()
  return isFields(value) ? { document, value } : undefined
}

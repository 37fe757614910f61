import { isFields } from '@halfsecond/protocol'
import type { PlaybookDocument } from '../document.ts'
import type { PlaybookSource } from '../source.ts'

/** Traits that mean something without being named. */
const ownTraits: ReadonlySet<string> = new Set(['zone', 'locale'])

/**
 * Warns of facts and traits that nothing refers to. A name counts as used wherever it stands as a
 * word: rather a warning too few than a wrong one.
 */
export function warnOfUnused(source: PlaybookSource, document: PlaybookDocument): void {
  const { facts = {}, traits = {} } = source
  const words = new Set<string>()
  for (const [key, value] of Object.entries(source))
    if (key !== 'tests' && key !== 'traits' && key !== 'facts' && key !== 'events')
      addWords(value, words)
  const factWords = Object.entries(facts).map(([name, text]) => [name, wordsIn(text)] as const)
  for (const [, inFact] of factWords) for (const word of inFact) words.add(word)
  for (const [name] of factWords)
    if (!words.has(name)) document.warnAtKey(['facts', name], 'no rule uses this fact')
  for (const name of Object.keys(traits))
    if (!ownTraits.has(name) && wordsIn(name).some((word) => !words.has(word)))
      document.warnAtKey(['traits', name], 'nothing reads this trait')
}

function addWords(value: unknown, words: Set<string>): void {
  if (typeof value === 'string') for (const word of wordsIn(value)) words.add(word)
  else if (Array.isArray(value)) for (const one of value) addWords(one, words)
  else if (isFields(value))
    for (const [key, one] of Object.entries(value)) {
      addWords(key, words)
      addWords(one, words)
    }
}

function wordsIn(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}_]+/gu) ?? []
}

/** Longer texts are no language: RFC 5646 recommends room for 35 characters. */
const localeCharsMax = 35

/**
 * The languages to try for a visitor with this trait, the one that fits best first, in the form of
 * `localeKey`: `de-CH` → `de-ch`, `de`.
 */
export function preferredLocales(locale: unknown): readonly string[] {
  if (typeof locale !== 'string' || locale.length > localeCharsMax) return []
  const subtags = localeKey(locale).split('-')
  return subtags.map((_subtag, cut) => subtags.slice(0, subtags.length - cut).join('-'))
}

/** Languages are equal if this is: `de_CH` and `de-ch` are one. */
export function localeKey(locale: string): string {
  return locale.toLowerCase().replaceAll('_', '-')
}

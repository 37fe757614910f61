import {
  bounds,
  type Identifier,
  identifierIn,
  isFragmentId,
  isIdentifier,
  type Namespaces,
} from '@halfsecond/protocol'
import { type Fields, fieldsOf, listOf } from '../fields.ts'
import type { Draft } from './row.ts'
import type { SeenFacts } from './seen-facts.ts'

export interface GoneUses {
  readonly source: string
  readonly channel: string | undefined
  /** What the file has. */
  readonly seen: Pick<SeenFacts, 'lacksTrait' | 'lacksLink'>
  /** When the file was written: it knows nothing of what was said later. */
  readonly modifiedAt: number
  readonly namespaces: Namespaces
}

export type GoneDraft = Draft & { readonly kind: 'traits' | 'unlink' }

/**
 * What a source said earlier and its file does not say any more, as records that take it back. Each
 * overrides exactly what was seen: its time is just after. So what the source says at any later
 * time counts again.
 * @param told what the source has told so far, fragment by fragment
 */
export async function* goneFacts(
  told: AsyncIterable<Fields>,
  uses: GoneUses,
): AsyncGenerator<GoneDraft> {
  for await (const { identifier, traits, links } of told) {
    if (!isFragmentId(identifier)) continue
    // Of a device that changed hands: a record finds its epoch by its time, which is that of the trait.
    const key = identifierIn(identifier)
    if (!isIdentifier(key, uses.namespaces)) continue
    yield* goneTraits(key, fieldsOf(traits ?? {}), uses)
    yield* goneLinks(key, listOf(links), uses)
  }
}

function* goneTraits(
  key: Identifier,
  traits: { readonly [name: string]: unknown },
  uses: GoneUses,
): Generator<GoneDraft> {
  const gone = Object.entries(traits).flatMap(([name, trait]) => {
    const at = timeOf(trait)
    return at <= uses.modifiedAt && uses.seen.lacksTrait(key, name) ? [{ name, at }] : []
  })
  for (let from = 0; from < gone.length; from += bounds.traitsPerRecord) {
    const some = gone.slice(from, from + bounds.traitsPerRecord)
    yield {
      kind: 'traits',
      ...commonOf(key, Math.max(...some.map(({ at }) => at)), uses),
      set: {},
      unset: some.map(({ name }) => name),
    }
  }
}

function* goneLinks(
  key: Identifier,
  links: readonly Fields[],
  uses: GoneUses,
): Generator<GoneDraft> {
  for (const link of links) {
    const at = timeOf(link)
    if (!isFragmentId(link.to) || !(at <= uses.modifiedAt)) continue
    const to = identifierIn(link.to)
    if (isIdentifier(to, uses.namespaces) && uses.seen.lacksLink(key, to))
      yield { kind: 'unlink', ...commonOf(key, at, uses), to }
  }
}

function commonOf(key: Identifier, saidAt: number, { source, channel }: GoneUses) {
  return { key, at: saidAt + 1, source, ...(channel !== undefined && { channel }) }
}

function timeOf(said: unknown): number {
  return Date.parse(String(fieldsOf(said).at))
}

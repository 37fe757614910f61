import {
  bounds,
  type Identifier,
  identifierIn,
  isFragmentId,
  isIdentifier,
  type Namespaces,
} from '@halfsecond/protocol'
import { type Fields, fieldsOf } from '../fields.ts'
import { everyTrait, type KeyTable } from './key-table.ts'
import type { Draft } from './row.ts'

export interface GoneUses {
  readonly source: string
  readonly channel: string | undefined
  /** What the file has. */
  readonly table: KeyTable
  /** Whether a key that the table lacks is one that the file lacks. */
  readonly isComplete: boolean
  /** When the file was written: it knows nothing of what was said later. */
  readonly modifiedAt: number
  readonly namespaces: Namespaces
}

/**
 * What a source said earlier and its file does not say any more, as records that unset it. Each
 * overrides exactly what was seen: its time is just after. So what the source says at any later
 * time counts again.
 * @param told what the source has told so far, fragment by fragment
 */
export async function* goneTraits(
  told: AsyncIterable<Fields>,
  uses: GoneUses,
): AsyncGenerator<Draft & { readonly kind: 'traits' }> {
  const { source, channel, namespaces } = uses
  for await (const { identifier, traits } of told) {
    if (!isFragmentId(identifier)) continue
    // Of a device that changed hands: a record finds its epoch by its time, which is that of the trait.
    const key = identifierIn(identifier)
    if (!isIdentifier(key, namespaces)) continue
    const gone = namesGone(key, fieldsOf(traits ?? {}), uses)
    for (let from = 0; from < gone.length; from += bounds.traitsPerRecord) {
      const some = gone.slice(from, from + bounds.traitsPerRecord)
      yield {
        kind: 'traits',
        key,
        at: Math.max(...some.map(({ at }) => at)) + 1,
        source,
        ...(channel !== undefined && { channel }),
        set: {},
        unset: some.map(({ name }) => name),
      }
    }
  }
}

function namesGone(
  key: Identifier,
  traits: { readonly [name: string]: unknown },
  { table, isComplete, modifiedAt }: GoneUses,
): { readonly name: string; readonly at: number }[] {
  const has = table.traits(key)
  if (has === undefined && !isComplete) return []
  return Object.entries(traits).flatMap(([name, trait]) => {
    const at = Date.parse(String(fieldsOf(trait).at))
    const isGone = has === undefined || !(has.has(name) || has.has(everyTrait))
    return isGone && at <= modifiedAt ? [{ name, at }] : []
  })
}

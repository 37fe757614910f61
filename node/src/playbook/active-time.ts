import type { Offer } from '../core/decision/playbook.ts'
import type { Path, PlaybookDocument } from './document.ts'
import { dayAfter, startOfDay } from './local-day.ts'
import type { OfferSource } from './source.ts'

/**
 * When an offer may be shown, or an experiment runs. A day is one of the playbook's zone, and counts
 * until its end.
 * @param what the thing at the path is, for faults: `offer`
 */
export function activeTimeOf(
  path: Path,
  what: string,
  { starts, ends }: Pick<OfferSource, 'starts' | 'ends'>,
  zone: string,
  document: PlaybookDocument,
): Pick<Offer, 'starts' | 'ends'> {
  const read = (key: 'starts' | 'ends', text: string | undefined, open: number) => {
    if (text === undefined) return open
    const at = instantOf(text, key === 'ends', zone)
    if (Number.isFinite(at)) return at
    document.add(
      [...path, key],
      'a day like 2025-12-01, or an instant with its zone, like 2025-12-01T09:00:00Z',
    )
    return open
  }
  const active = {
    starts: read('starts', starts, Number.NEGATIVE_INFINITY),
    ends: read('ends', ends, Number.POSITIVE_INFINITY),
  }
  if (active.starts >= active.ends)
    document.add([...path, 'ends'], `this ${what} ends before it begins`)
  return active
}

const day = /^\d{4}-\d{2}-\d{2}$/
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/

/** Not a number where the text is none. */
function instantOf(text: string, isEnd: boolean, zone: string): number {
  if (instant.test(text)) return Date.parse(text)
  if (!day.test(text) || !isDate(text)) return Number.NaN
  return startOfDay(isEnd ? dayAfter(text) : text, zone)
}

/** `2025-02-30` is none, though it parses elsewhere. */
function isDate(text: string): boolean {
  const at = Date.parse(text)
  return Number.isFinite(at) && new Date(at).toISOString().startsWith(text)
}

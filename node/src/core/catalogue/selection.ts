import type { Value } from '@halfsecond/protocol'
import type { Scope } from '../condition/compile.ts'
import type { Catalogue, Item, ItemValue } from './catalogue.ts'

/** What of an item must equal, or be among, what is known of a person. */
export interface Match {
  readonly field: string
  /** One value or a list of them; undefined: unknown, and unknown matches nothing. */
  readonly value: (scope: Scope) => Value | undefined
}

/** Items that one decision considers: what is worth less than these has no chance worth its time. */
export const consideredMax = 200

/** Places that are looked at to find them, where one match alone finds too many. */
const lookedMax = 4_000

/** Values of one match that are looked up: of a longer list, the first. */
const valuesMax = 16

/** Finds the items of a catalogue that match a person, best first, without looking at the others. */
export class Selection {
  private readonly catalogue: Catalogue
  private readonly matches: readonly Match[]
  private readonly worth: (item: Item) => number
  /** Lists of the index in order of worth, made when they are first asked for. */
  private readonly ranked = new Map<string, Map<ItemValue, readonly number[]>>()

  /** @param worth what is compared: of two items that match, the one that is worth more comes first */
  constructor(catalogue: Catalogue, matches: readonly Match[], worth: (item: Item) => number) {
    this.catalogue = catalogue
    this.matches = matches
    this.worth = worth
  }

  /** At most `consideredMax`; those that are worth most where one match is enough to find them. */
  of(scope: Scope): readonly Item[] {
    const wanted: (readonly ItemValue[])[] = []
    let lead = 0
    let least = Number.POSITIVE_INFINITY
    for (const { field, value } of this.matches) {
      const values = valuesOf(value(scope))
      let size = 0
      for (const one of values) size += this.catalogue.matching(field, one).length
      if (size === 0) return none
      if (size < least) {
        least = size
        lead = wanted.length
      }
      wanted.push(values)
    }
    const field = this.matches[lead]?.field
    const values = wanted[lead]
    return field === undefined || values === undefined
      ? none
      : this.take(this.candidates(field, values), wanted, lead)
  }

  private take(
    places: readonly number[],
    wanted: readonly (readonly ItemValue[])[],
    lead: number,
  ): Item[] {
    const { items } = this.catalogue
    const found: Item[] = []
    const end = Math.min(places.length, lookedMax)
    for (let i = 0; i < end && found.length < consideredMax; i++) {
      const item = items[places[i] ?? -1]
      if (item !== undefined && this.fits(item, wanted, lead)) found.push(item)
    }
    return found
  }

  private fits(item: Item, wanted: readonly (readonly ItemValue[])[], lead: number): boolean {
    return this.matches.every(
      ({ field }, index) =>
        index === lead || wanted[index]?.some((value) => holds(item.values[field], value)),
    )
  }

  private candidates(field: string, values: readonly ItemValue[]): readonly number[] {
    const [only] = values
    if (values.length === 1 && only !== undefined) return this.inOrder(field, only)
    const places = new Set<number>()
    for (const value of values)
      for (const place of this.inOrder(field, value).slice(0, lookedMax)) places.add(place)
    return [...places].sort((a, b) => this.compare(a, b))
  }

  private inOrder(field: string, value: ItemValue): readonly number[] {
    let byValue = this.ranked.get(field)
    if (byValue === undefined) {
      byValue = new Map()
      this.ranked.set(field, byValue)
    }
    let places = byValue.get(value)
    if (places === undefined) {
      places = this.catalogue.matching(field, value).toSorted((a, b) => this.compare(a, b))
      byValue.set(value, places)
    }
    return places
  }

  private compare(a: number, b: number): number {
    const { items } = this.catalogue
    const [one, other] = [items[a], items[b]]
    if (one === undefined || other === undefined) return a - b
    return this.worth(other) - this.worth(one) || (one.id < other.id ? -1 : 1)
  }
}

const none: readonly never[] = []

function holds(found: ItemValue | undefined, value: ItemValue): boolean {
  return Array.isArray(found) ? found.includes(value) : found === value
}

function valuesOf(value: Value | undefined): readonly ItemValue[] {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return [value]
  if (!Array.isArray(value)) return none
  return value.slice(0, valuesMax).filter((one) => typeof one === 'string')
}

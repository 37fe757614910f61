import { isFields, type Value } from '@halfsecond/protocol'

/** What an item says of itself, as far as conditions and content may read it. */
export type ItemValue = string | number | boolean | readonly string[]

/** One thing that can be shown, of many that are alike. */
export interface Item {
  /** Unique in its catalogue. */
  readonly id: string
  readonly values: { readonly [field: string]: ItemValue }
}

/** Items of one catalogue: more take seconds to load, and a gigabyte of memory. */
export const itemsMax = 1_000_000

/** An id stands in the name of an offer, behind the name of its template. */
export const itemIdMax = 40

/** Fields of an item. */
export const fieldsMax = 64

/** Bytes of an item, as MessagePack. */
export const itemBytesMax = 16 * 1024

/**
 * The items of one version of a catalogue, with an index by every field of text: what matches a
 * value is found without looking at the others. Immutable once it is filled.
 */
export class Catalogue {
  readonly items: readonly Item[]
  private readonly byField: ReadonlyMap<string, ReadonlyMap<ItemValue, readonly number[]>>

  constructor(
    items: readonly Item[],
    byField: ReadonlyMap<string, ReadonlyMap<ItemValue, readonly number[]>>,
  ) {
    this.items = items
    this.byField = byField
  }

  /** The items of which a field is, or a list holds, this value; by their places. */
  matching(field: string, value: ItemValue): readonly number[] {
    return this.byField.get(field)?.get(value) ?? none
  }
}

const none: readonly number[] = []

/** Takes items in, some at a time: filling a large catalogue must not hold anything else up. */
export class CatalogueFiller {
  private readonly items: Item[] = []
  private readonly ids = new Set<string>()
  private readonly byField = new Map<string, Map<ItemValue, number[]>>()

  /** Of the same id twice, the first counts. */
  add(item: Item): void {
    if (this.ids.has(item.id)) return
    this.ids.add(item.id)
    const place = this.items.push(item) - 1
    for (const field in item.values) {
      const value = item.values[field]
      if (value === undefined) continue
      if (isList(value)) for (const one of value) this.index(field, one, place)
      else this.index(field, value, place)
    }
  }

  finish(): Catalogue {
    return new Catalogue(this.items, this.byField)
  }

  private index(field: string, value: ItemValue, place: number): void {
    // Nobody asks for an exact fraction, and prices are nearly as many as items.
    if (typeof value === 'number' && !Number.isSafeInteger(value)) return
    let places = this.byField.get(field)
    if (places === undefined) {
      places = new Map()
      this.byField.set(field, places)
    }
    const list = places.get(value)
    if (list === undefined) places.set(value, [place])
    else if (list[list.length - 1] !== place) list.push(place)
  }
}

function isList(value: ItemValue): value is readonly string[] {
  return Array.isArray(value)
}

export function isItem(value: unknown): value is Item {
  return itemFault(value) === undefined
}

/** Why something is no item, or undefined. */
export function itemFault(value: unknown): string | undefined {
  if (!isFields(value)) return 'an item is a map'
  const { id, values } = value
  if (typeof id !== 'string' || id === '') return 'an item needs an id'
  if (id.length > itemIdMax) return `the id of an item has at most ${itemIdMax} characters`
  if (!isFields(values)) return 'an item needs its values'
  const fields = Object.keys(values)
  if (fields.length > fieldsMax) return `an item has at most ${fieldsMax} fields`
  const wrong = fields.find((field) => !isItemValue(values[field]))
  return wrong === undefined ? undefined : `"${wrong}" is no text, number, bool or list of texts`
}

export function isItemValue(value: unknown): value is ItemValue & Value {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string' || typeof value === 'boolean') return true
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

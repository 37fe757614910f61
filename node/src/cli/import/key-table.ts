import { hash } from 'node:crypto'
import { HalfsecondError } from '@halfsecond/protocol'

/** Twelve bytes each, in a table that is at most half full: 1.5 GiB, a file of some gigabytes. */
const keysMax = 32 * 1024 * 1024

const firstSlots = 1024

/** Stands for all traits, known here or not: no trait has an empty name. */
export const everyTrait = ''

/** A set of texts, each with a few names: the keys of a file with their traits. 24 to 48 bytes a text. */
export class KeyTable {
  size = 0
  /** By 64 bits of a hash: two keys of a file that share them are less likely than a broken disk. */
  private slots = firstSlots
  private high = new Uint32Array(firstSlots)
  private low = new Uint32Array(firstSlots)
  /** Place of the key's traits in `sets`, plus one; 0 for an empty slot. */
  private set = new Uint32Array(firstSlots)
  /** Most rows of a file have the same traits, so each set is here once. */
  private readonly sets: ReadonlySet<string>[] = []
  private readonly known = new Map<string, number>()

  /**
   * A key that is there already has the traits of both.
   * @throws HalfsecondError `TOO_LARGE` for more keys than memory is meant for
   */
  add(key: string, traits: Iterable<string>): void {
    if (this.size === keysMax)
      throw new HalfsecondError('TOO_LARGE', `more than ${keysMax} keys: split the file by source`)
    if (this.size * 2 >= this.slots) this.grow()
    const [high, low] = hashOf(key)
    const slot = this.slotOf(high, low)
    const present = this.sets[(this.set[slot] ?? 0) - 1]
    if (present === undefined) this.size++
    this.put(slot, high, low, this.placeOf(new Set([...(present ?? []), ...traits])))
  }

  /** Undefined for a key that is not there. */
  traits(key: string): ReadonlySet<string> | undefined {
    const [high, low] = hashOf(key)
    return this.sets[(this.set[this.slotOf(high, low)] ?? 0) - 1]
  }

  /** Of this hash, or the empty one where it would be. */
  private slotOf(high: number, low: number): number {
    let slot = low % this.slots
    while (this.set[slot] !== 0 && (this.high[slot] !== high || this.low[slot] !== low))
      slot = (slot + 1) % this.slots
    return slot
  }

  private put(slot: number, high: number, low: number, set: number): void {
    this.high[slot] = high
    this.low[slot] = low
    this.set[slot] = set
  }

  private placeOf(traits: ReadonlySet<string>): number {
    const text = JSON.stringify([...traits].sort())
    const known = this.known.get(text)
    if (known !== undefined) return known
    this.sets.push(traits)
    this.known.set(text, this.sets.length)
    return this.sets.length
  }

  private grow(): void {
    const { high, low, set } = this
    this.slots *= 2
    this.high = new Uint32Array(this.slots)
    this.low = new Uint32Array(this.slots)
    this.set = new Uint32Array(this.slots)
    for (const [old, place] of set.entries()) {
      if (place === 0) continue
      const [h, l] = [high[old] ?? 0, low[old] ?? 0]
      this.put(this.slotOf(h, l), h, l, place)
    }
  }
}

function hashOf(key: string): readonly [number, number] {
  const bytes = hash('sha256', key, 'buffer')
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
}

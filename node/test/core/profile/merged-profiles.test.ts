import { describe, expect, test } from 'vitest'
import { type EventFeature, FeatureSet } from '../../../src/core/features/feature-set.ts'
import type { Copy } from '../../../src/core/identity/ties.ts'
import { readCopy } from '../../../src/core/profile/copy.ts'
import { mergeParts } from '../../../src/core/profile/merged-profile.ts'
import { MergedProfiles } from '../../../src/core/profile/merged-profiles.ts'
import { ownPart, type Part } from '../../../src/core/profile/part.ts'
import { start } from '../../support/records.ts'
import { keyOf, SplitPerson } from './split-person.ts'

const pages: EventFeature = { kind: 'event', event: 'page', capacity: 50, text: 'page' }
const set = new FeatureSet([pages], new Map(), new Map())

class Root extends SplitPerson {
  private events = 0

  page(place: number): void {
    const id = `e${this.events++}`
    this.take({ kind: 'event', id, key: keyOf(0), at: start, name: 'page', properties: {} }, place)
  }

  trait(place: number, tier: string, at: number): void {
    const record = { kind: 'traits', id: `t${at}`, key: keyOf(0), at } as const
    this.take({ ...record, set: { tier }, unset: [] }, place)
  }

  get own(): Part {
    return ownPart(this.fragments[0] ?? this.whole, set, this.ground)
  }

  copies(): Copy[] {
    return this.fragments.slice(1).map((_fragment, i) => readCopy(this.copy(i + 1, set)))
  }
}

describe('profiles of roots', () => {
  test('are those of all parts, whichever part changes', () => {
    const root = new Root(3)
    const profiles = new MergedProfiles(set)
    let copies = root.copies()
    const seen: (number | undefined)[] = []
    for (const place of [0, 0, 1, 0, 2, 1, 0]) {
      root.page(place)
      root.trait(place, `at ${place}`, start + seen.length)
      if (place > 0) copies = root.copies()

      const profile = profiles.of(root.own, copies)

      const merged = mergeParts(root.parts(set), set)
      seen.push(profile.features.count(0, 0))
      expect(profile.features.count(0, 0)).toBe(merged.features.count(0, 0))
      expect(profile.traits).toEqual(merged.traits)
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('are merged once while nothing changes', () => {
    const root = new Root(3)
    root.page(1)
    const copies = root.copies()
    const profiles = new MergedProfiles(set)

    const first = profiles.of(root.own, copies)

    expect(profiles.of(root.own, [...copies])).toBe(first)
    root.page(0)
    expect(profiles.of(root.own, copies)).not.toBe(first)
  })

  test('with pending records are of one answer', () => {
    const root = new Root(2)
    const profiles = new MergedProfiles(set)
    const copies = root.copies()
    const { own } = root
    const features = own.features?.copy() ?? null
    features?.update(start, {
      kind: 'event',
      id: 'pending',
      key: keyOf(0),
      at: start,
      name: 'page',
      properties: {},
    })

    const counts = [own, { ...own, features }, own].map((part) =>
      profiles.of(part, copies).features.count(0, 0),
    )

    expect(counts).toEqual([0, 1, 0])
  })

  test('forget a copy that left', () => {
    const root = new Root(3)
    root.page(1)
    root.page(2)
    const profiles = new MergedProfiles(set)
    const copies = root.copies()
    profiles.of(root.own, copies)

    expect(profiles.of(root.own, copies.slice(1)).features.count(0, 0)).toBe(1)
    expect(profiles.of(root.own, []).features.count(0, 0)).toBe(0)
  })

  test('hold no more parts than they may', () => {
    const profiles = new MergedProfiles(set, 5)
    const root = new Root(3)
    const copies = root.copies()
    const { own } = root
    const first = profiles.of(own, copies)
    const others = [1, 2].map((i) => ({ ...own, id: keyOf(i) }))

    const second = others.map((other) => profiles.of(other, copies))

    expect(others.map((other) => profiles.of(other, copies))).toEqual(second)
    expect(profiles.of(own, copies)).not.toBe(first)
  })
})

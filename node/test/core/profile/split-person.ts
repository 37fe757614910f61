import { encode, type Identifier, identifierOf } from '@halfsecond/protocol'
import { Digest } from '../../../src/core/digest.ts'
import type { FeatureSet } from '../../../src/core/features/feature-set.ts'
import { Arena } from '../../../src/core/fragment/arena.ts'
import { evolve, type FragmentRecord, type Ground } from '../../../src/core/fragment/evolve.ts'
import { type Fragment, initialFragment } from '../../../src/core/fragment/fragment.ts'
import { featuresOf } from '../../../src/core/fragment/timeline.ts'
import { encodeCopy, partOf } from '../../../src/core/profile/copy.ts'
import { ownPart, type Part } from '../../../src/core/profile/part.ts'

export const playbookVersion = 7

/** One person's records twice: all in one fragment, and each in one of several. */
export class SplitPerson {
  readonly whole: Fragment
  readonly fragments: readonly Fragment[]
  readonly ground: Ground
  private sequence = 0

  constructor(count: number) {
    const rows = new Map<string, Uint8Array>()
    this.ground = {
      arena: new Arena(),
      digest: new Digest(),
      chunks: {
        read: (identifier, number) => rows.get(`${identifier} ${number}`),
        seal: (identifier, number, row) => rows.set(`${identifier} ${number}`, row),
        remove: (identifier, number) => rows.delete(`${identifier} ${number}`),
      },
    }
    this.whole = initialFragment(identifierOf('crm', 'whole'))
    this.fragments = Array.from({ length: count }, (_, i) => initialFragment(keyOf(i)))
  }

  /** @param place which fragment gets it, counted round */
  take(record: FragmentRecord, place: number): void {
    const fragment = this.fragments[place % this.fragments.length]
    if (fragment === undefined) throw new RangeError('a person has fragments')
    const bytes = encode(record)
    const logged = { sequence: ++this.sequence, index: 0, bytes, start: 0, end: bytes.length }
    for (const one of [this.whole, fragment])
      evolve(one, record, { ...logged, timestamp: Number.MAX_SAFE_INTEGER }, this.ground)
  }

  wholePart(set: FeatureSet): Part {
    return ownPart(this.whole, set, this.ground)
  }

  /** The first is at home, the others are read from copies. */
  parts(set: FeatureSet): Part[] {
    return this.fragments.map((fragment, i) =>
      i === 0 ? ownPart(fragment, set, this.ground) : partOf(this.copy(i, set), set),
    )
  }

  /** The copy of one fragment. */
  copy(place: number, set: FeatureSet): Uint8Array {
    const fragment = this.fragments[place]
    if (fragment === undefined) throw new RangeError('no such fragment')
    return encodeCopy(fragment, null, featuresOf(fragment, set, this.ground), playbookVersion)
  }
}

export function keyOf(place: number): Identifier {
  return place === 0 ? identifierOf('crm', '991') : identifierOf('anon', `device-${place}`)
}

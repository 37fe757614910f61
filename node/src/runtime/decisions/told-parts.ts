import type { FragmentId } from '@halfsecond/protocol'
import type { Copy } from '../../core/identity/ties.ts'
import type { Branch } from '../../core/profile/branch.ts'
import { copyOfPart } from '../../core/profile/copy.ts'
import type { Gathering, ToldPart } from '../../core/profile/gathering.ts'
import { partsBytesMax } from './peer-messages.ts'

/** Parts for another node, and whether they are all that there is: a message takes only so much. */
export interface Told {
  readonly parts: readonly ToldPart[]
  readonly isWhole: boolean
}

/** A branch, its own part first. */
export function toldBranch({ own, isAhead, copies }: Branch, playbook: number): Told {
  return fitting([
    { copy: copyOfPart(own, playbook), isAhead },
    ...copies.map((copy) => ({ copy, isAhead: false })),
  ])
}

/**
 * What was collected, but for what the other side has been given.
 * @param isMeant who is spoken of
 */
export function toldGathering(
  gathering: Gathering,
  isMeant: (id: FragmentId) => boolean,
  given: ReadonlySet<Copy>,
  playbook: number,
): Told {
  const direct: ToldPart[] = []
  const held: ToldPart[] = []
  for (const { id, part, copy, isAhead } of gathering.all()) {
    if (!isMeant(id)) continue
    if (part !== null) direct.push({ copy: copyOfPart(part, playbook), isAhead })
    else if (copy !== null && isAhead) direct.push({ copy, isAhead })
    else if (copy !== null && !given.has(copy)) held.push({ copy, isAhead })
  }
  return fitting([...direct, ...held])
}

function fitting(parts: readonly ToldPart[]): Told {
  let bytes = 0
  const told = parts.filter(({ copy }) => {
    if (bytes + copy.bytes.length > partsBytesMax) return false
    bytes += copy.bytes.length
    return true
  })
  return { parts: told, isWhole: told.length === parts.length }
}

import { identifierOf, ulid } from '@halfsecond/protocol'
import type { Choice } from '../../../src/core/decision/decide.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { decidedBy, loggedEntry } from '../../support/decided.ts'

const key = identifierOf('anon', 'a')

/** A decision with these choices, as it is logged. */
export function loggedWith(
  choices: readonly Choice[],
  { playbook, at, halvings = 0 }: { playbook: Playbook; at: number; halvings?: number },
): { readonly decision: string; readonly entry: Uint8Array } {
  const features = new FeatureState(playbook.features)
  const decision = ulid(at, (bytes) => crypto.getRandomValues(bytes))
  const decided = decidedBy({
    decision,
    key,
    request: { placements: choices.map(({ placement }) => placement), now: at, exposures: [] },
    playbook,
    playbookVersion: 3,
    profile: { traits: null, consents: null, features, eldest: null },
    choices,
  })
  return { decision, entry: loggedEntry(decided, halvings) }
}

import { identifierOf } from '@halfsecond/protocol'
import { type SampleRatio, sampleRatio } from '../../node/src/core/learning/sample-ratio.ts'
import { type Arm, armOf } from '../../node/src/core/profile/arm.ts'

/** The arms that so many visitors come into, against what was promised. */
export function sharesOf(
  experiment: string,
  arms: readonly Arm[],
  visitors: number,
): SampleRatio | undefined {
  const counts = new Map<string, number>()
  for (let i = 0; i < visitors; i++) {
    // As long as those of the web, and as alike as counted numbers are: that is what a hash is for.
    const id = identifierOf('anon', i.toString(36).padStart(22, '0'))
    const arm = armOf(experiment, arms, id).name
    counts.set(arm, (counts.get(arm) ?? 0) + 1)
  }
  return sampleRatio(
    arms.map(({ name }) => counts.get(name) ?? 0),
    arms.map(({ share }) => share),
  )
}

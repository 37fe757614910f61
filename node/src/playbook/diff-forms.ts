import { isFields } from '@halfsecond/protocol'
import { shareOf } from './share.ts'

/*
 * One thing that authors may write in several ways, in one form: then two of them are the same, or
 * differ in what they say.
 */

/** `learn: click` is `learn: { on: click }`, and shares are numbers. */
export function learnForm(learn: unknown): unknown {
  if (typeof learn === 'string') return { on: learn }
  return isFields(learn) && isShare(learn.explore)
    ? { ...learn, explore: shareOf(learn.explore) }
    : learn
}

/** The arms as they follow each other, which is as much a part of them as their shares are. */
export function armsForm(arms: unknown): readonly ArmForm[] {
  if (!isFields(arms)) return []
  const all = Object.entries(arms).map(([name, arm]) => {
    const { share, shows = 'rules' } = isFields(arm) ? arm : { share: arm }
    return { name, share: isShare(share) ? shareOf(share) : undefined, shows: String(shows) }
  })
  const given = all.reduce((sum, { share = 0 }) => sum + share, 0)
  return all.map((arm) => ({ ...arm, share: rounded(arm.share ?? 1 - given) }))
}

/** Sums of decimals are not exact. */
function rounded(share: number): number {
  return Number(share.toFixed(9))
}

/** Arms are compared as a whole: whoever changes one changes who is in the others. */
export function isArms([part, , field]: readonly string[]): boolean {
  return part === 'experiments' && field === 'arms'
}

export interface ArmForm {
  readonly name: string
  readonly share: number
  readonly shows: string
}

function isShare(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

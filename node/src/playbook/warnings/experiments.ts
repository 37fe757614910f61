import type { Playbook } from '../../core/decision/playbook.ts'
import type { PlaybookDocument } from '../document.ts'

/** Warns of experiments that cannot show a difference, because nobody is treated differently. */
export function warnOfExperiments(playbook: Playbook, document: PlaybookDocument): void {
  for (const { name, arms, isRead, placements } of playbook.experiments) {
    const path = ['experiments', name]
    const shows = new Set(arms.map((arm) => arm.shows))
    if (shows.size === 1 && !isRead)
      document.warnAtKey(
        path,
        `its arms do not differ: all show the same, and nothing asks for arm("${name}")`,
      )
    const learns = Array.from(placements).some((at) => playbook.placements.get(at)?.learning)
    for (const arm of arms)
      if (arm.shows === 'unlearned' && !learns)
        document.warn(
          [...path, 'arms', arm.name],
          'nothing is learnt there, so this is what the rules show',
        )
  }
}

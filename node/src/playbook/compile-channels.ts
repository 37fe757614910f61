import type { Gate, QuietHours } from '../core/decision/playbook.ts'
import type { Compilation } from './compilation.ts'
import { didYouMean } from './faults.ts'

/** The gates of channels, by channel. */
export function compileChannels(compilation: Compilation): ReadonlyMap<string, Gate> {
  const { source, document } = compilation
  const known = new Set(Object.values(source.placements).map(({ channel }) => channel))
  const gates = new Map<string, Gate>()
  for (const [channel, { quiet, when }] of Object.entries(source.channels ?? {})) {
    const path = ['channels', channel]
    if (!known.has(channel))
      document.addAtKey(
        path,
        `no placement is of the channel "${channel}"${didYouMean(channel, known)}`,
      )
    const hours = quiet === undefined ? undefined : quietHoursOf(quiet)
    if (hours !== undefined && hours.from === hours.until)
      document.add([...path, 'quiet'], 'quiet hours that end as they begin leave no other hours')
    gates.set(channel, {
      when: compilation.optionalCondition([...path, 'when'], when),
      quiet: hours,
    })
  }
  return gates
}

/** @param text as the schema has it: `21:00-08:00` */
function quietHoursOf(text: string): QuietHours {
  const [from = 0, until = 0] = text.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number)
    return hour * 60 + minute
  })
  return { text, from, until }
}

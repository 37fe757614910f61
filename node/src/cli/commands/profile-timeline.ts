import type { Command } from 'commander'
import { listOf, textOf } from '../fields.ts'
import { getPerson, type PersonOptions, personCommand } from '../person-answer.ts'
import { describeEntry } from '../person-texts.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

interface TimelineOptions extends PersonOptions {
  readonly newest: string
}

export function addProfileTimeline(profile: Command, around: Surroundings): void {
  personCommand(profile, 'timeline', 'the newest of what a person did, on all channels')
    .option('--newest <number>', 'so many entries', '20')
    .option('--json', 'print {timeline}')
    .action(async (identifier: string, options: TimelineOptions) => {
      const { newest } = options
      const answer = await getPerson('/timeline', identifier, options, around, { newest })
      if (options.json) {
        printJson(around.output, answer)
        return
      }
      const rows = listOf(answer.timeline).map((entry) => [
        textOf(entry.at),
        textOf(entry.channel ?? entry.source),
        textOf(entry.by),
        describeEntry(entry),
      ])
      for (const line of tableOf([['AT', 'CHANNEL', 'BY', 'WHAT'], ...rows]))
        printLine(around.output, line)
    })
}

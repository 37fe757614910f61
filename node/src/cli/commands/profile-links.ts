import type { Command } from 'commander'
import { listOf } from '../fields.ts'
import { getPerson, type PersonOptions, personCommand } from '../person-answer.ts'
import { linkTable } from '../person-texts.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

export function addProfileLinks(profile: Command, around: Surroundings): void {
  personCommand(profile, 'links', 'the links that make a person, and those that were refused')
    .option('--json', 'print {identifiers, links}')
    .action(async (identifier: string, options: PersonOptions) => {
      const answer = await getPerson('/links', identifier, options, around)
      const links = listOf(answer.links)
      if (options.json) printJson(around.output, answer)
      else if (links.length === 0) printLine(around.output, `${identifier} is linked to nothing`)
      else for (const line of linkTable(links)) printLine(around.output, line)
    })
}

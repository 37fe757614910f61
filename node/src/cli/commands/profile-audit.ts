import type { Command } from 'commander'
import { listOf, textOf } from '../fields.ts'
import { getPerson, type PersonOptions, personCommand } from '../person-answer.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

export function addProfileAudit(profile: Command, around: Surroundings): void {
  personCommand(profile, 'audit', 'how a person came together and apart, and who said so')
    .option('--json', 'print {audit}')
    .action(async (identifier: string, options: PersonOptions) => {
      const answer = await getPerson('/audit', identifier, options, around)
      const audit = listOf(answer.audit)
      if (options.json) printJson(around.output, answer)
      else if (audit.length === 0)
        printLine(around.output, `${identifier} was never linked, split or erased`)
      else for (const line of auditTable(audit)) printLine(around.output, line)
    })
}

function auditTable(audit: readonly { readonly [name: string]: unknown }[]): string[] {
  return tableOf([
    ['AT', 'WHAT', 'OF', 'OTHER', 'CHANNEL', 'SOURCE', 'ID', 'MORE'],
    ...audit.map(({ at, what, of, other, channel, source, id, strength, reason }) =>
      [at, what, of, other, channel, source, id, reason ?? strength].map(textOf),
    ),
  ])
}

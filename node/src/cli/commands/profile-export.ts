import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type PersonOptions, personCommand, personPath } from '../person-answer.ts'
import { copyToFile, printAll } from '../saved-answer.ts'
import type { Surroundings } from '../surroundings.ts'

interface ExportOptions extends PersonOptions {
  readonly out?: string
}

export function addProfileExport(profile: Command, around: Surroundings): void {
  personCommand(profile, 'export', 'everything held on one person, as one JSON object')
    .option('--out <file>', 'write to this file, which appears once it is complete')
    .option('--json', 'as it is printed anyway')
    .action(async (identifier: string, options: ExportOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const chunks = await admin.stream(personPath('/export', identifier, options))
      if (options.out === undefined) await printAll(chunks, around.output)
      else {
        await copyToFile(chunks, options.out)
        around.notes.write(`wrote ${options.out}\n`)
      }
    })
}

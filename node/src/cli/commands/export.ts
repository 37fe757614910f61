import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { copyToFile, printAll } from '../saved-answer.ts'
import type { Surroundings } from '../surroundings.ts'

interface ExportOptions {
  readonly out?: string
  readonly adminUrl?: string
}

export function addExport(program: Command, around: Surroundings): void {
  program
    .command('export')
    .description('print every profile as one JSON object a line')
    .option('--out <file>', 'write to this file, which appears once it is complete')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (options: ExportOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const chunks = await admin.stream('/v1/export')
      if (options.out === undefined) await printAll(chunks, around.output)
      else around.notes.write(`${await copyToFile(chunks, options.out)} profiles\n`)
    })
}

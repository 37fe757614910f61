import type { Command } from 'commander'
import { Exit, exitCodes } from '../failure.ts'
import { describeFaults, describePlaybook, readText, testPlaybook } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import { describeRemarks } from '../publication-texts.ts'
import type { Surroundings } from '../surroundings.ts'

export function addPlaybookCheck(playbook: Command, around: Surroundings): void {
  playbook
    .command('check')
    .description(
      'check playbooks and run their own tests; faults are told with line, column and text, and warnings of what is hardly meant',
    )
    .argument('<file...>', 'playbooks, YAML or JSON; - reads standard input')
    .option('--json', 'print {files: [{file, ok, name?, warnings?, faults?}]}')
    .action(async (files: string[], options: { json?: boolean }) => {
      const results = []
      for (const file of files) {
        const checked = testPlaybook(await readText(file, around.input))
        results.push({ file, checked })
      }
      if (options.json) {
        const told = results.map(({ file, checked: { playbook, warnings, faults } }) =>
          playbook
            ? { file, ok: true, name: playbook.name, warnings }
            : { file, ok: false, faults },
        )
        printJson(around.output, { files: told })
      } else {
        for (const { file, checked } of results) {
          for (const line of describeRemarks(file, 'warning', checked.warnings ?? []))
            printLine(around.output, line)
          printLine(
            around.output,
            checked.playbook
              ? `${file}: good; ${describePlaybook(checked.playbook)}`
              : describeFaults(file, checked.faults),
          )
        }
      }
      if (results.some(({ checked }) => checked.faults)) throw new Exit(exitCodes.failed)
    })
}

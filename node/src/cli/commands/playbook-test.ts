import type { Command } from 'commander'
import { describeFault } from '../../playbook/faults.ts'
import { Exit, exitCodes } from '../failure.ts'
import { describeFaults, readText, type Tested, testCases } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

export function addPlaybookTest(playbook: Command, around: Surroundings): void {
  playbook
    .command('test')
    .description('run the cases that stand in playbooks, and tell each of them')
    .argument('<file...>', 'playbooks, YAML or JSON; - reads standard input')
    .option('--json', 'print {files: [{file, ok, cases?: [{it, ok, faults}], faults?}]}')
    .action(async (files: string[], options: { json?: boolean }) => {
      const results: { readonly file: string; readonly tested: Tested }[] = []
      for (const file of files)
        results.push({ file, tested: testCases(await readText(file, around.input)) })
      const told = results.map(({ file, tested }) => ({ file, ok: isGood(tested), ...tested }))
      if (options.json) printJson(around.output, { files: told })
      else
        for (const { file, tested } of results)
          for (const line of describe(file, tested)) printLine(around.output, line)
      if (told.some(({ ok }) => !ok)) throw new Exit(exitCodes.failed)
    })
}

function isGood({ cases }: Tested): boolean {
  return cases?.every(({ ok }) => ok) === true
}

function describe(file: string, tested: Tested): string[] {
  if (tested.faults !== undefined) return [describeFaults(file, tested.faults)]
  const { cases } = tested
  const failed = cases.filter(({ ok }) => !ok).length
  return [
    ...cases.flatMap((one) => [
      `${one.ok ? 'ok  ' : 'FAIL'} ${one.it}`,
      ...one.faults.map((fault) => `     ${describeFault(file, fault)}`),
    ]),
    `${file}: ${cases.length - failed} passed, ${failed} failed`,
  ]
}

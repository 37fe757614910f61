import type { Command } from 'commander'
import { type Change, countChanges, diffPlaybooks } from '../../playbook/diff.ts'
import { describeChange } from '../../playbook/diff-words.ts'
import { PlaybookDocument } from '../../playbook/document.ts'
import type { PlaybookSource } from '../../playbook/source.ts'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { Exit, exitCodes } from '../failure.ts'
import { textOf } from '../fields.ts'
import { describeFaults, readText } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import { describeChanges } from '../publication-texts.ts'
import type { Surroundings } from '../surroundings.ts'
import { isVersion, versionAt } from './playbook-log.ts'

interface DiffOptions {
  readonly adminUrl?: string
  readonly json?: boolean
}

export function addPlaybookDiff(playbook: Command, around: Surroundings): void {
  playbook
    .command('diff')
    .description('what a playbook says differently, part by part: not which lines are others')
    .argument('<one>', 'a file, - for standard input, or the number of a version')
    .argument(
      '[other]',
      'with two: from the first to the second; with one: from what decides to it',
    )
    .option('--admin-url <url>', 'admin port of any node')
    .option('--json', 'print {added, removed, changed, changes: [{kind, path, before?, after?}]}')
    .action(async (one: string, other: string | undefined, options: DiffOptions) => {
      const read = (name: string | undefined) => sourceOf(name, options, around)
      const before = await read(other === undefined ? undefined : one)
      const after = await read(other ?? one)
      const changes = diffPlaybooks(before, after)
      if (options.json) printJson(around.output, { ...countChanges(changes), changes })
      else for (const line of describeChanges(summaryOf(changes))) printLine(around.output, line)
    })
}

function summaryOf(changes: readonly Change[]): object {
  return { ...countChanges(changes), lines: changes.map(describeChange) }
}

/** @param name undefined: what decides */
async function sourceOf(
  name: string | undefined,
  options: DiffOptions,
  around: Surroundings,
): Promise<PlaybookSource> {
  const isFile = name !== undefined && !isVersion(name)
  const text = isFile
    ? await readText(name, around.input)
    : textOf((await versionAt(name, new AdminClient(adminUrl(options.adminUrl, around)))).text)
  const { source, faults } = new PlaybookDocument(text)
  if (source) return source
  around.notes.write(`${describeFaults(name ?? 'the one that decides', faults)}\n`)
  throw new Exit(exitCodes.failed)
}

import { writeFile } from 'node:fs/promises'
import { toHalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { reportPicture } from '../experiment/picture.ts'
import { describeReport } from '../experiment/report-texts.ts'
import { reportIn } from '../experiment/told-report.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface ReportOptions {
  readonly against?: string
  readonly picture?: string
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addExperimentReport(experiment: Command, around: Surroundings): void {
  experiment
    .command('report')
    .description('which arm is better, and how sure that is: good at any time')
    .argument('<name>', 'of an experiment in the playbook that decides')
    .option(
      '--against <arm>',
      'compare with this arm (default: the one that does least: default content, else any offer)',
    )
    .option('--picture <file>', 'write a picture too, SVG')
    .option('--json', 'print {experiment, words, arms, sampleRatio, measures, …}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (name: string, { against, picture, json, ...options }: ReportOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const query = against === undefined ? '' : `?against=${encodeURIComponent(against)}`
      if (around.isTerminal) printLine(around.notes, 'going through all profiles …')
      const answer = await admin.getLong(`/v1/experiments/${encodeURIComponent(name)}${query}`)
      const report = reportIn(answer)
      if (picture !== undefined) await write(picture, reportPicture(report))
      if (json) printJson(around.output, answer)
      else for (const line of describeReport(report)) printLine(around.output, line)
    })
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (thrown) {
    throw toHalfsecondError(thrown, 'UNAVAILABLE', `${file} cannot be written`)
  }
}

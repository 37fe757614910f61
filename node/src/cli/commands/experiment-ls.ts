import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { numberOf } from '../cluster-answer.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'
import { tableOf } from '../table.ts'

interface LsOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addExperimentLs(experiment: Command, around: Surroundings): void {
  experiment
    .command('ls')
    .description('the experiments of the playbook that decides')
    .option('--json', 'print {experiments: [{experiment, placements, arms, measure, …}]}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: LsOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const answer = fieldsOf(await admin.get('/v1/experiments'))
      const experiments = listOf(answer.experiments)
      if (options.json) printJson(around.output, answer)
      else if (experiments.length === 0)
        printLine(around.output, 'no experiments in the playbook that decides')
      else
        for (const line of tableOf([heading, ...experiments.map(rowOf)]))
          printLine(around.output, line)
    })
}

const heading = ['experiment', 'placements', 'arms', 'measure', 'since', 'until']

function rowOf({ experiment, placements, arms, measure, starts, ends }: Fields): string[] {
  const places: unknown[] = Array.isArray(placements) ? placements : []
  const shares = listOf(arms).map(
    ({ arm, share }) => `${textOf(arm)} ${Number((100 * numberOf(share)).toFixed(2))} %`,
  )
  const day = (time: unknown) => (typeof time === 'string' ? time.slice(0, 10) : '-')
  return [
    textOf(experiment),
    places.map(textOf).join(', '),
    shares.join(', '),
    textOf(measure),
    day(starts),
    day(ends),
  ]
}

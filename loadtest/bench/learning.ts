import { experimentReports } from './experiment-reports.ts'
import { joinedDecisions } from './joined-decisions.ts'
import { modelMaking } from './model-making.ts'
import type { Run } from './run.ts'

/** What learning and experiments cost a node beside deciding, and how long decides wait for it. */
export async function learning(run: Run): Promise<void> {
  await modelMaking(run)
  await joinedDecisions(run)
  await experimentReports(run)
}

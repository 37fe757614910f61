import { logged } from './logged.ts'
import { rederived } from './rederived.ts'
import type { Run } from './run.ts'

/** What the decision log costs, and whether it is worth it: decisions come out of it as they were. */
export async function why(run: Run): Promise<void> {
  await logged(run)
  await rederived(run)
}

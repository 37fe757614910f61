import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type Fields, textOf } from '../fields.ts'
import { countProfiles, describePlan } from '../identity-texts.ts'
import { readText } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import { sendText } from '../send-text.ts'
import type { Surroundings } from '../surroundings.ts'

interface PlanOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addIdentityPlan(identity: Command, around: Surroundings): void {
  identity
    .command('plan')
    .description('exactly which profiles a configuration would change; changes nothing')
    .argument('<file>', 'the configuration, YAML or JSON; - reads standard input')
    .option('--json', 'print {identity, base, isSame, changing, changes}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (file: string, options: PlanOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const plan = await planOf(file, admin, around)
      if (options.json) printJson(around.output, plan)
      else tellPlan(plan, around)
    })
}

/** Of a faulty configuration. */
export const refusal = 'nothing was changed'

export async function planOf(
  file: string,
  admin: AdminClient,
  around: Surroundings,
): Promise<Fields> {
  const text = await readText(file, around.input)
  return sendText({ file, text, path: '/v1/identity/plan', refusal }, admin, around)
}

export function tellPlan(plan: Fields, around: Surroundings): void {
  const { identity, base, isSame, changing } = plan
  const what =
    isSame === true
      ? `${textOf(identity)} is in force already, as version ${textOf(base)}`
      : `${textOf(identity)} would follow version ${textOf(base)}`
  printLine(around.output, `${what}; it changes ${countProfiles(changing)}`)
  for (const line of describePlan(plan)) printLine(around.output, line)
}

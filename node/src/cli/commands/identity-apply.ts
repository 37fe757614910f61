import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { textOf } from '../fields.ts'
import { countProfiles, describePlan } from '../identity-texts.ts'
import { readText } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import { sendText } from '../send-text.ts'
import { type Surroundings, userOf } from '../surroundings.ts'
import { planOf, refusal, tellPlan } from './identity-plan.ts'

interface ApplyOptions {
  readonly dryRun?: boolean
  readonly by?: string
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addIdentityApply(identity: Command, around: Surroundings): void {
  identity
    .command('apply')
    .description('make a configuration the one that holds, and change what its plan says')
    .argument('<file>', 'the configuration, YAML or JSON; - reads standard input')
    .option('--dry-run', 'only plan it')
    .option('--by <name>', 'who does it, kept with the version (default: the user of this system)')
    .option('--json', 'print {identity, base, isSame, changing, changes, version}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (file: string, options: ApplyOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      if (options.dryRun) {
        const plan = await planOf(file, admin, around)
        if (options.json) printJson(around.output, plan)
        else tellPlan(plan, around)
        return
      }
      const text = await readText(file, around.input)
      const by = encodeURIComponent(options.by ?? userOf(around))
      const path = `/v1/identity/apply?by=${by}`
      const applied = await sendText({ file, text, path, refusal }, admin, around)
      if (options.json) {
        printJson(around.output, applied)
        return
      }
      const { version, changing } = applied
      printLine(
        around.output,
        `${textOf(applied.identity)} holds from now on, as version ${textOf(version)}; ${countProfiles(changing)} changed`,
      )
      for (const line of describePlan(applied)) printLine(around.output, line)
    })
}

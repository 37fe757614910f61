import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { fieldsOf, listOf, textOf } from '../fields.ts'
import { describeLinks } from '../identity-texts.ts'
import { printJson, printLine } from '../print.ts'
import { type Surroundings, userOf } from '../surroundings.ts'

interface RevertOptions {
  readonly dryRun?: boolean
  readonly by?: string
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addIdentityRevert(identity: Command, around: Surroundings): void {
  identity
    .command('revert')
    .description('take up an earlier version again, and unlink what was linked since')
    .argument('<version>', 'a version before the present one; 0 is the built-in configuration')
    .option('--dry-run', 'only tell what would be unlinked')
    .option('--by <name>', 'who does it, kept with the version (default: the user of this system)')
    .option('--json', 'print {version, identity, unlinking, unlinked}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (version: string, options: RevertOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const { dryRun = false } = options
      const query = new URLSearchParams({
        version,
        by: options.by ?? userOf(around),
        dryRun: String(dryRun),
      })
      const path = `/v1/identity/revert?${query}`
      const reverted = fieldsOf(await admin.postLong(path, 'application/json', '{}'))
      if (options.json) {
        printJson(around.output, reverted)
        return
      }
      const { identity, unlinking } = reverted
      const links = unlinking === 1 ? '1 link' : `${textOf(unlinking)} links`
      printLine(
        around.output,
        dryRun
          ? `${textOf(identity)} of version ${version} would hold again, as version ${textOf(reverted.version)}; ${links} would be dropped`
          : `${textOf(identity)} of version ${version} holds again, as version ${textOf(reverted.version)}; ${links} dropped`,
      )
      for (const line of describeLinks(reverted)) printLine(around.output, line)
    })
}

export function addIdentityShow(identity: Command, around: Surroundings): void {
  identity
    .command('show')
    .description('the configuration that holds, and the versions before')
    .option('--json', 'print {version, identity, by?, at?, configuration?, versions}')
    .option('--admin-url <url>', 'admin port of any node')
    .action(async (options: { readonly json?: boolean; readonly adminUrl?: string }) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const shown = fieldsOf(await admin.get('/v1/identity'))
      if (options.json) {
        printJson(around.output, shown)
        return
      }
      const { version, identity: name } = shown
      printLine(around.output, `${textOf(name)} holds, version ${textOf(version)}`)
      for (const one of listOf(shown.versions)) {
        const origin = one.reverts === undefined ? '' : `, as version ${textOf(one.reverts)} again`
        printLine(
          around.output,
          `  ${textOf(one.version)}  ${textOf(one.at)}  ${textOf(one.identity)} by ${textOf(one.by)}${origin}`,
        )
      }
    })
}

import type { Command } from 'commander'
import type { Surroundings } from '../surroundings.ts'
import {
  type PublicationOptions,
  queryOf,
  send,
  withPublicationOptions,
} from './playbook-publish.ts'

export function addPlaybookRollback(playbook: Command, around: Surroundings): void {
  const command = playbook
    .command('rollback')
    .description('let the text of an earlier version decide again, under a new number')
    .argument('<version>', 'a number that halfsecond playbook log lists')
  withPublicationOptions(command).action(async (version: string, options: PublicationOptions) => {
    const query = queryOf(options, around)
    query.set('version', version)
    const path = `/v1/playbook/rollback?${query}`
    await send(`version ${version}`, '{}', path, options, around)
  })
}

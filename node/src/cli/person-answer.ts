import type { Command } from 'commander'
import { AdminClient, adminUrl } from './admin-client.ts'
import { type Fields, fieldsOf } from './fields.ts'
import type { Surroundings } from './surroundings.ts'

/** What all commands about one person take. */
export interface PersonOptions {
  readonly alone?: boolean
  readonly epoch?: string
  readonly json?: boolean
  readonly adminUrl?: string
}

/** A command about one person, with what all of them take but `--json`. */
export function personCommand(profile: Command, name: string, description: string): Command {
  return profile
    .command(name)
    .description(description)
    .argument('<identifier>', 'like crm:991 or anon:83.149.9.216')
    .option('--epoch <number>', 'of a device that changed hands: which time, from 0 (default: now)')
    .option('--admin-url <url>', 'admin port of a node')
}

/** What a node answers about a person. @param part like `/links`; empty for everything */
export async function getPerson(
  part: string,
  identifier: string,
  options: PersonOptions,
  around: Surroundings,
  asked: { readonly [name: string]: string } = {},
): Promise<Fields> {
  const admin = new AdminClient(adminUrl(options.adminUrl, around))
  return fieldsOf(await admin.get(personPath(part, identifier, options, asked)))
}

export function personPath(
  part: string,
  identifier: string,
  { alone, epoch }: PersonOptions,
  asked: { readonly [name: string]: string } = {},
): string {
  const query = new URLSearchParams({
    ...asked,
    ...(epoch !== undefined && { epoch }),
    ...(alone && { alone: '' }),
  })
  return `/v1/profiles/${encodeURIComponent(identifier)}${part}${query.size === 0 ? '' : `?${query}`}`
}

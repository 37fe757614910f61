import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface ProfileOptions {
  readonly json?: boolean
  readonly adminUrl?: string
}

/** Entries shown to people; `--json` has all. */
const entriesShown = 20

export function addProfileGet(profile: Command, around: Surroundings): void {
  profile
    .command('get')
    .description('everything known of an identifier')
    .argument('<identifier>', 'like crm:991 or anon:83.149.9.216')
    .option('--json', 'print the whole profile, as export does')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (identifier: string, options: ProfileOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const view = fieldsOf(await admin.get(`/v1/profiles/${encodeURIComponent(identifier)}`))
      if (options.json) printJson(around.output, view)
      else for (const line of describeProfile(view)) printLine(around.output, line)
    })
}

/** A profile for people: traits and links with their source, then the newest of the timeline. */
export function describeProfile(view: Fields): string[] {
  const identifiers = Array.isArray(view.identifiers) ? view.identifiers : []
  const timeline = listOf(view.timeline)
  const sessions = listOf(view.sessions)
  const lines = [identifiers.join(', ')]
  for (const [name, trait] of Object.entries(fieldsOf(view.traits ?? {}))) {
    lines.push(`  ${name} = ${written(fieldsOf(trait), 'value')}`)
  }
  for (const link of listOf(view.links)) {
    lines.push(`  is ${textOf(link.to)}: ${written(link, 'strength')}`)
  }
  for (const [purpose, consent] of Object.entries(fieldsOf(view.consents ?? {}))) {
    lines.push(`  consent ${purpose}: ${written(fieldsOf(consent), 'granted')}`)
  }
  lines.push(`  ${timeline.length} entries in ${sessions.length} sessions`)
  if (timeline.length > entriesShown) lines.push(`  the newest ${entriesShown}; all with --json`)
  for (const entry of timeline.slice(-entriesShown)) lines.push(`  ${describeEntry(entry)}`)
  return lines
}

function written(view: Fields, field: string): string {
  const value = view[field] === undefined ? 'removed' : textOf(view[field])
  const by = textOf(view.source ?? view.channel)
  return `${value} (since ${textOf(view.at)}${by === '' ? '' : `, by ${by}`})`
}

function describeEntry(entry: Fields): string {
  const { at, kind, properties, offer, placement, outcome } = entry
  const about =
    kind === 'outcome'
      ? `${textOf(outcome)} of ${textOf(offer)} at ${textOf(placement)}`
      : `${textOf(kind)} ${properties === undefined ? '' : JSON.stringify(properties)}`
  return `${textOf(at)} ${about.trimEnd()}`
}

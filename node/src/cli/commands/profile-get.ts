import { fragmentName, isFragmentId } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { getPerson, type PersonOptions, personCommand } from '../person-answer.ts'
import { describeEntry, describeEpochs } from '../person-texts.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface ProfileOptions extends PersonOptions {
  readonly alone?: boolean
}

/** Entries shown to people; `--json` has all. */
const entriesShown = 20

/** Entries read for people, whose sessions are counted: the whole timeline may be years. */
const entriesRead = 200

export function addProfileGet(profile: Command, around: Surroundings): void {
  personCommand(profile, 'get', 'everything known of a person, by whichever identifier')
    .option('--alone', 'only what this identifier itself brought')
    .option('--json', 'print all of it, as export does')
    .action(async (identifier: string, options: ProfileOptions) => {
      const asked = options.json || options.alone ? {} : { newest: `${entriesRead}` }
      const view = await getPerson('', identifier, options, around, asked)
      if (options.json) printJson(around.output, view)
      else for (const line of describeProfile(view)) printLine(around.output, line)
    })
}

/** A profile for people: traits and links with their source, then the newest of the timeline. */
export function describeProfile(view: Fields): string[] {
  const identifiers = Array.isArray(view.identifiers) ? view.identifiers : []
  const timeline = listOf(view.timeline)
  const sessions = listOf(view.sessions)
  const lines = [identifiers.map((id) => nameOf(textOf(id))).join(', ')]
  for (const [name, trait] of Object.entries(fieldsOf(view.traits ?? {}))) {
    lines.push(`  ${name} = ${written(fieldsOf(trait), 'value')}`)
  }
  for (const link of listOf(view.links)) {
    const ends =
      link.lower === undefined
        ? nameOf(textOf(link.to))
        : `${textOf(link.lower)} = ${textOf(link.upper)}`
    const state =
      link.state === undefined || link.state === 'valid' ? '' : `, ${textOf(link.state)}`
    lines.push(`  is ${textOf(ends)}: ${written(link, 'strength')}${state}`)
  }
  for (const [purpose, consent] of Object.entries(fieldsOf(view.consents ?? {}))) {
    lines.push(`  consent ${purpose}: ${written(fieldsOf(consent), 'granted')}`)
  }
  const segments: unknown[] = Array.isArray(view.segments) ? view.segments : []
  if (segments.length > 0) lines.push(`  in segments: ${segments.map(textOf).join(', ')}`)
  lines.push(...describeEpochs(view).map((line) => `  ${line}`))
  const entries = typeof view.entries === 'number' ? view.entries : timeline.length
  const newest = entries > timeline.length ? `, the newest ${timeline.length}` : ''
  lines.push(`  ${entries} entries${newest} in ${sessions.length} sessions`)
  if (entries > entriesShown) lines.push(`  the newest ${entriesShown}; all with --json`)
  for (const entry of timeline.slice(-entriesShown))
    lines.push(`  ${textOf(entry.at)} ${describeEntry(entry)}`)
  return lines
}

function nameOf(id: string): string {
  return isFragmentId(id) ? fragmentName(id) : id
}

function written(view: Fields, field: string): string {
  const value = view[field] === undefined ? 'removed' : textOf(view[field])
  const from = [view.source, view.channel].map(textOf)
  const by = from.filter((one) => one !== '').join(' on ')
  return `${value} (since ${textOf(view.at)}${by === '' ? '' : `, by ${by}`})`
}

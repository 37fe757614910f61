import { HalfsecondError } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../fields.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

interface WhyOptions {
  readonly at?: readonly string[]
  readonly json?: boolean
  readonly adminUrl?: string
}

export function addWhy(program: Command, around: Surroundings): void {
  program
    .command('why')
    .description('what a visitor would be shown now, and why; or why a token was decided then')
    .argument('<visitor>', 'an identifier like crm:991, or the token of a proposition')
    .option('--at <placement...>', "placements to be decided now (default: all of the playbook's)")
    .option('--json', 'print {explanations}; of a token {token, decided} or {token, missing}')
    .option('--admin-url <url>', 'admin port of a node')
    .action(async (visitor: string, options: WhyOptions) => {
      const admin = new AdminClient(adminUrl(options.adminUrl, around))
      const answer = await ask(admin, visitor, options.at ?? [])
      if (options.json) printJson(around.output, answer)
      else for (const line of describeWhy(answer)) printLine(around.output, line)
    })
}

async function ask(
  admin: AdminClient,
  visitor: string,
  placements: readonly string[],
): Promise<Fields> {
  const at = new URLSearchParams(
    placements.map((placement): [string, string] => ['placement', placement]),
  )
  const explain = async (identifier: string) =>
    fieldsOf(await admin.get(`/v1/profiles/${encodeURIComponent(identifier)}/why?${at}`))
  // No token has a colon, and every identifier has one.
  if (visitor.includes(':')) return explain(visitor)
  const answer = fieldsOf(
    await admin.get(`/v1/why?${new URLSearchParams({ token: visitor })}`).catch(sayWhatIsMeant),
  )
  if (placements.length === 0) return answer
  return { ...answer, ...(await explain(textOf(fieldsOf(answer.token).key))) }
}

function sayWhatIsMeant(error: unknown): never {
  if (!(error instanceof HalfsecondError) || error.code !== 'MALFORMED') throw error
  const hint = 'an identifier has a colon, like crm:991'
  throw new HalfsecondError('MALFORMED', `${error.message}; ${hint}`, { cause: error })
}

/** For each placement a sentence, then its candidates with one reason each. */
export function describeWhy(answer: Fields): string[] {
  const now = listOf(answer.explanations ?? []).map(describeExplanation)
  if (answer.token === undefined) return spaced(now)
  const token = fieldsOf(answer.token)
  const then =
    answer.decided === undefined
      ? describeMissing(token, textOf(answer.missing))
      : describePast(token, fieldsOf(answer.decided))
  return spaced(now.length === 0 ? then : [...then, ['Now:'], ...now])
}

function describeMissing(token: Fields, missing: string): string[][] {
  const { key, placement, offer, treatment, playbook, decidedAt } = token
  return [
    [
      `${textOf(key)} was given ${textOf(offer)} (${textOf(treatment)}) at ${textOf(placement)}. ${missing}`,
      `  decided ${textOf(decidedAt)} by playbook version ${textOf(playbook)}`,
      describeToken(token),
    ],
  ]
}

/** The sentence of the token's own placement, to be read aloud, is the first line. */
function describePast(token: Fields, past: Fields): string[][] {
  const [own, ...others] = listOf(past.explanations)
  const { oneOf, isSame, isAsTold, node } = past
  const proof =
    isSame === true
      ? 'decided again from the decision log, it shows what was shown then'
      : 'decided again, it shows something else than was shown then: halfsecond or its time zones have changed'
  const notes = [`  ${proof}`]
  if (isAsTold !== true)
    notes.push(
      '  two nodes answered this request, and the token is of the answer that is not logged',
    )
  if (oneOf !== 1) notes.push(`  one of ${textOf(oneOf)} decisions was logged then`)
  const about = [
    ...notes,
    `  decided ${textOf(past.at)} for ${textOf(token.key)} by node ${textOf(node)}`,
    describeToken(token),
  ]
  const first = own === undefined ? [] : [textOf(own.sentence), ...detailsOf(own)]
  return [[...first, ...about], ...others.map(describeExplanation)]
}

function describeToken({ decision, expired, expiresAt }: Fields): string {
  const life = expired === true ? 'expired' : 'is good until'
  return `  decision ${textOf(decision)}; the token ${life} ${textOf(expiresAt)}`
}

function describeExplanation(explanation: Fields): string[] {
  const { placement, sentence } = explanation
  return [`${textOf(placement)}: ${textOf(sentence)}`, ...detailsOf(explanation)]
}

/** Every candidate with its reason, and what else led to them. */
function detailsOf(explanation: Fields): string[] {
  const { playbook, freshness, facts, identifiers } = explanation
  const candidates = listOf(explanation.candidates)
  const names = candidates.map(({ offer, treatment }) => `${textOf(offer)} (${textOf(treatment)})`)
  const width = Math.max(0, ...names.map((name) => name.length))
  const lines: string[] = []
  for (const [index, { verdict, reason }] of candidates.entries()) {
    const mark = verdict === 'chosen' ? '+' : '-'
    lines.push(`  ${mark} ${(names[index] ?? '').padEnd(width)}  ${textOf(reason)}`)
  }
  const named = Object.entries(fieldsOf(facts ?? {})).map(
    ([name, truth]) => `${name} ${textOf(truth)}`,
  )
  if (named.length > 0) lines.push(`  facts: ${named.join(', ')}`)
  const arms = listed(explanation.arms)
  if (arms.length > 0) lines.push(`  experiments: ${arms.join(', ').replaceAll('=', ' ')}`)
  const known = listed(identifiers)
  if (known.length > 1) lines.push(`  one person: ${known.join(', ')}`)
  lines.push(`  playbook version ${textOf(playbook)}, ${textOf(freshness)}`)
  return lines
}

function listed(texts: unknown): string[] {
  return Array.isArray(texts) ? texts.map(textOf) : []
}

/** With an empty line between them. */
function spaced(blocks: readonly (readonly string[])[]): string[] {
  return blocks.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

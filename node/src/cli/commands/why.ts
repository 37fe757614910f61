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
    .description('what a visitor would be shown now, and why; or what a token says, then the same')
    .argument('<visitor>', 'an identifier like crm:991, or the token of a proposition')
    .option('--at <placement...>', "placements (default: all of the playbook's; a token's own)")
    .option('--json', 'print {token?, explanations}')
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
  const answer = fieldsOf(await admin.get(`/v1/why?${new URLSearchParams({ token: visitor })}`))
  if (placements.length === 0) return answer
  return { ...answer, ...(await explain(textOf(fieldsOf(answer.token).key))) }
}

/** For each placement a sentence, then its candidates with one reason each. */
export function describeWhy(answer: Fields): string[] {
  const token = answer.token === undefined ? [] : [...describeToken(fieldsOf(answer.token)), '']
  const explanations = listOf(answer.explanations).map(describeExplanation)
  return [...token, ...explanations.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))]
}

function describeToken(token: Fields): string[] {
  const { decision, key, placement, offer, treatment, playbook, decidedAt, expiresAt, expired } =
    token
  return [
    `${textOf(key)} was shown ${textOf(offer)} (${textOf(treatment)}) at ${textOf(placement)}.`,
    `  decided ${textOf(decidedAt)} by playbook version ${textOf(playbook)}, decision ${textOf(decision)}`,
    `  the token ${expired === true ? 'expired' : 'is good until'} ${textOf(expiresAt)}`,
    'Now:',
  ]
}

function describeExplanation(explanation: Fields): string[] {
  const { placement, sentence, playbook, freshness, facts, identifiers } = explanation
  const candidates = listOf(explanation.candidates)
  const names = candidates.map(({ offer, treatment }) => `${textOf(offer)} (${textOf(treatment)})`)
  const width = Math.max(0, ...names.map((name) => name.length))
  const lines = [`${textOf(placement)}: ${textOf(sentence)}`]
  for (const [index, { verdict, reason }] of candidates.entries()) {
    const mark = verdict === 'chosen' ? '+' : '-'
    lines.push(`  ${mark} ${(names[index] ?? '').padEnd(width)}  ${textOf(reason)}`)
  }
  const named = Object.entries(fieldsOf(facts ?? {})).map(
    ([name, truth]) => `${name} ${textOf(truth)}`,
  )
  if (named.length > 0) lines.push(`  facts: ${named.join(', ')}`)
  const known = listed(identifiers)
  if (known.length > 1) lines.push(`  one person: ${known.join(', ')}`)
  lines.push(`  playbook version ${textOf(playbook)}, ${textOf(freshness)}`)
  return lines
}

function listed(texts: unknown): string[] {
  return Array.isArray(texts) ? texts.map(textOf) : []
}

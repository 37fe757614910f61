import {
  evenBlocked,
  exportPositions,
  type FragmentId,
  fragmentName,
  HalfsecondError,
  identifierIn,
  nameFault,
  parseIdentifier,
  printable,
} from '@halfsecond/protocol'
import { Type } from 'typebox'
import { operatorChannel } from '../core/person/audit.ts'
import { planSplit, type SplitPlan, type Tie } from '../core/person/split.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import { parseJson } from './bodies.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { peopleOf } from './people-of.ts'
import { RequestError } from './problem.ts'
import { Anything, reader } from './schemas.ts'

const Split = Type.Object({
  a: Type.String({ description: 'namespace:value, like anon:4hG8' }),
  b: Type.String(),
  by: Type.Optional(Type.String({ description: 'Who does it, for the audit.' })),
  dryRun: Type.Optional(Type.Boolean({ description: 'Only shows what would become of them.' })),
})
const readSplit = reader(Split)

/** `POST /v1/profiles/split`: two identifiers are one person no more. */
export function splitRoute(app: App, api: NodeApi): void {
  const people = peopleOf(api)
  app.post(
    '/v1/profiles/split',
    {
      schema: {
        summary: 'Drop the link between two identifiers',
        description: [
          'Each of the two persons keeps what its own identifiers brought. Answers when it is in the log; `GET /v1/profiles/:identifier` shows it a moment later.',
          '422 where the two are not linked directly: the message names the links to choose from. A channel that links them again joins them again.',
        ].join('\n\n'),
        body: Split,
        response: { 200: Anything, ...problems },
      },
    },
    async ({ body }) => {
      const { a, b, by = 'unknown', dryRun = false } = readSplit(bodyIn(body))
      const fault = nameFault('by', by)
      if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
      const { plan, names } = await look(a, b)
      if (plan.kind === 'apart') throw new HalfsecondError('INVALID', `${names} are not one person`)
      if (plan.kind === 'others') {
        const links = plan.by.map(describeTie).join(', ')
        const what = `${names} are one person by way of others: split one of ${links}`
        throw new HalfsecondError('INVALID', what)
      }
      const { dropped, persons, stillBy } = plan
      const position = dryRun ? undefined : await drop(dropped, by)
      return {
        dropped: endsOf(dropped),
        dryRun,
        by,
        ...(position !== undefined && { position }),
        persons,
        stillLinkedBy: stillBy.map(endsOf),
      }
    },
  )

  async function look(a: string, b: string) {
    const [one, other] = [a, b].map((text) => parseIdentifier(text, evenBlocked(api.namespaces)))
    if (one === undefined || other === undefined || one === other)
      throw new HalfsecondError('INVALID', 'a and b are two identifiers')
    const plans = await plansOf(await people.fragmentsOf(one), await people.fragmentsOf(other))
    const plan =
      plans.find(({ kind }) => kind === 'link') ?? plans.find(({ kind }) => kind === 'others')
    if (plans.length === 0)
      throw new RequestError(404, 'INVALID', `nothing is known of ${printable(one)}`)
    return { plan: plan ?? { kind: 'apart' as const }, names: `${one} and ${other}` }
  }

  /** A device that changed hands may have been linked in an epoch that is over. */
  async function plansOf(ones: readonly FragmentId[], others: readonly FragmentId[]) {
    const plans: SplitPlan[] = []
    for (const one of ones) {
      const members = await people.members(one)
      if (members === undefined) continue
      for (const other of others) plans.push(planSplit(members.all, one, other, api.namespaces))
    }
    return plans
  }

  /** Later than the link, whatever this node's clock says: the last write counts. */
  async function drop({ lower, upper, link }: Tie, by: string): Promise<string> {
    const record = {
      kind: 'unlink' as const,
      key: identifierIn(lower),
      to: identifierIn(upper),
      channel: operatorChannel,
      source: by,
    }
    const at = Math.max(Date.now(), Date.parse(link.at) + 1)
    return exportPositions([await api.client.record(record, { at })])
  }
}

function endsOf({ lower, upper, link }: Tie) {
  const { strength, since, channel, source } = link
  return {
    lower: fragmentName(lower),
    upper: fragmentName(upper),
    ...(strength !== undefined && { strength }),
    ...(since !== undefined && { since }),
    ...(channel !== undefined && { channel }),
    ...(source !== undefined && { source }),
  }
}

function describeTie({ lower, upper, link }: Tie): string {
  const { strength, at } = link
  return `${fragmentName(lower)} ${fragmentName(upper)} (${strength ?? 'linked'} ${at})`
}

/** On the admin port JSON stays text, for playbooks are written in it. */
function bodyIn(body: unknown): unknown {
  return typeof body === 'string' ? parseJson(Buffer.from(body)) : body
}

import {
  type AnswerFrame,
  builtInNamespaces,
  type DecideQuestion,
  decodeAnswers,
  encode,
  type Identifier,
  type Question,
} from '@halfsecond/protocol'
import type { Playbook } from '../../src/core/decision/playbook.ts'
import { noModel } from '../../src/core/learning/model.ts'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import type { SignToken } from '../../src/runtime/decisions/answerer.ts'
import { Decider } from '../../src/runtime/decisions/decider.ts'
import type { DecisionLog } from '../../src/runtime/decisions/decision-log.ts'
import { Playbooks } from '../../src/runtime/decisions/playbooks.ts'
import type { Shard } from '../../src/runtime/shards/shard.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'
import type { Replica, World } from './replica.ts'

/** Shows at `hero` how many pages a visitor saw today, up to three; a card until it is accepted. */
const playbook = compilePlaybook(`
playbook: pages
consent: { personalise: assumed }
events: { page: {} }
placements:
  hero: { channel: web, format: banner, fallback: none }
  side: { channel: web, format: banner, fallback: none }
groups: { pages: { weight: 2 } }
offers:
  three: { group: pages, priority: 3, when: 'count("page", "1d") >= 3', treatments: { banner: three } }
  two: { group: pages, priority: 2, when: 'count("page", "1d") >= 2', treatments: { banner: two } }
  one: { group: pages, priority: 1, when: 'count("page", "1d") >= 1', treatments: { banner: one } }
`)

export interface DecidingOptions {
  readonly note?: DecisionLog['note']
  /** Instead of the one above. */
  readonly decides?: Playbook
  readonly sign?: SignToken
}

/** A decider over the shards of a replica, with a playbook that is active as version 1. */
export function deciderOf(
  { clock }: Pick<World, 'clock'>,
  { actors, observer }: Replica,
  shards: readonly (Shard | undefined)[],
  versions: readonly number[] = [1],
  {
    note = () => undefined,
    decides = playbook,
    sign = ({ decision, offer }) => `token of ${offer} in ${decision}`,
  }: DecidingOptions = {},
): Decider {
  const playbooks = new Playbooks()
  for (const version of versions) playbooks.add(version, decides)
  return new Decider({
    node: 'n1',
    decisionLog: { note },
    shards,
    playbooks,
    actors,
    clock,
    calendar: new ZoneCalendar(),
    observer,
    namespaces: () => builtInNamespaces,
    sign,
    model: () => noModel,
    epoch: () => 7,
    peers: {
      branch: async () => undefined,
      passOn: async () => undefined,
      give: async () => false,
    },
    spread: async () => ({ kind: 'spread', isEverywhere: false }),
    leaderOf: () => ({ grant: async () => false }),
    isSent: () => true,
  })
}

export function question(key: Identifier, rest: Partial<DecideQuestion> = {}): DecideQuestion {
  return {
    kind: 'decide',
    decision: 'd1',
    identifiers: [key],
    placements: ['hero'],
    deadline: 400,
    positions: [],
    pending: [],
    ...rest,
  }
}

export async function ask(
  decider: Decider,
  ...questions: readonly (Question | { readonly [field: string]: unknown })[]
): Promise<AnswerFrame> {
  return decodeAnswers(await decider.answerFrame(encode({ v: 1, questions })))
}

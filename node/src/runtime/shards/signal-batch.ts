import { epochOf, type FragmentId, fragmentName, identifierIn } from '@halfsecond/protocol'
import type { OutboxRow } from '../../core/shard/outbox.ts'
import type { ShardState } from '../../core/shard/shard-state.ts'
import type { Signal } from '../../core/shard/signal.ts'
import type { SignalText } from '../ports.ts'

/** SHA-256 of a text, hexadecimal. */
export type Hash = (text: string) => string

/** Signals of one publish. */
const signalsAtOnce = 256

export interface SignalBatch {
  readonly signals: readonly SignalText[]
  /** Everything up to this number is in it. */
  readonly upTo: number
}

/** The next signals that wait, as other systems get them; undefined where none do. */
export function signalBatch(
  { shard, incarnation }: Pick<ShardState, 'shard' | 'incarnation'>,
  rows: Iterable<OutboxRow>,
  hash: Hash,
): SignalBatch | undefined {
  const signals: SignalText[] = []
  let upTo = 0
  for (const { n, message } of rows) {
    if (signals.length === signalsAtOnce) break
    upTo = n
    if (message.kind !== 'signal') continue
    const id = `${shard}.${incarnation}.${n}`
    signals.push({ id, text: textOf(id, message, hash) })
  }
  return upTo === 0 ? undefined : { signals, upTo }
}

function textOf(id: string, told: Signal, hash: Hash): string {
  const { signal, root, members, at } = told
  return JSON.stringify({
    v: 1,
    id,
    signal,
    profile: signal === 'erased' ? nameOfErased(root, hash) : fragmentName(root),
    members: members.map(fragmentName),
    ...moreOf(told),
    at,
  })
}

/** What only signals of its kind say. */
function moreOf(told: Signal): object {
  switch (told.signal) {
    case 'entered':
    case 'left': {
      const { segment, playbook } = told
      return { segment, playbook }
    }
    case 'decision': {
      const { segment, playbook, decision, placement, offer, treatment, content, token } = told
      const shown: unknown = JSON.parse(content)
      return { segment, playbook, decision, placement, offer, treatment, content: shown, token }
    }
    default:
      return told.to === null ? {} : { into: fragmentName(told.to) }
  }
}

/** Nothing may name who was erased; whoever knows the identifier can tell that it is this one. */
function nameOfErased(root: FragmentId, hash: Hash): string {
  const epoch = epochOf(root)
  return `sha256:${hash(identifierIn(root))}${epoch === 0 ? '' : ` #${epoch}`}`
}

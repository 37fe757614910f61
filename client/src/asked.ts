import type {
  DecideAnswer,
  DecideQuestion,
  HalfsecondError,
  ProfileAnswer,
  ProfileQuestion,
  ShardEntry,
} from '@halfsecond/protocol'

/** Answers to questions about a visitor. */
export type VisitorAnswer = DecideAnswer | ProfileAnswer

/** What an answer may become instead: the reason why there is none. */
export type NoAnswer = HalfsecondError

type Mutable<Question> = Omit<Question, 'deadline' | 'root'> & { deadline: number; root?: number }

/**
 * A question; its deadline is set anew whenever it is sent, and its root is left out once who holds
 * that shard failed.
 */
export type Draft = Mutable<DecideQuestion> | Mutable<ProfileQuestion>

/** A question on its way: where it was asked, and what came of it. One object, as there are many. */
export interface Asked {
  readonly question: Draft
  /** At most. */
  readonly bytes: number
  /** The home of its key. */
  readonly home: number
  readonly deadlineAt: number
  /** Told the answer of the question's own kind, or why there is none. */
  readonly done: (answer: VisitorAnswer | NoAnswer) => void
  /** Place among those that are open; -1 once done. */
  place: number
  /** Rounds through all replicas that failed. */
  rounds: number
  /** Why the last attempt failed. */
  failure: HalfsecondError | undefined
  /** Nodes asked in this round, and those of earlier ones that may still answer. Shared: never changed. */
  tried: readonly string[]
  /** Nodes that may still answer. Shared: never changed. */
  underWay: readonly string[]
  /** Whether it is about to be sent: with the turn, or after a pause. */
  isQueued: boolean
  /** When the node asked last is late. */
  hedgeAt: number
  /** The first node that was late. */
  late: string | undefined
  /** Whether another node was asked because of that. */
  isHedged: boolean
}

export function newAsked(
  question: Draft,
  home: number,
  deadlineAt: number,
  done: Asked['done'],
  place: number,
): Asked {
  return {
    question,
    bytes: bytesOf(question),
    home,
    deadlineAt,
    done,
    place,
    rounds: 0,
    failure: undefined,
    tried: none,
    underWay: none,
    isQueued: false,
    hedgeAt: Number.POSITIVE_INFINITY,
    late: undefined,
    isHedged: false,
  }
}

/** The shard whose replicas are asked. */
export function shardAsked({ question, home }: Asked): number {
  return question.root ?? home
}

/** From now on replicas of the key's home are asked. */
export function askHome(asked: Asked): void {
  delete asked.question.root
  asked.tried = asked.underWay
  asked.late = undefined
}

/** The best replica that was not tried, or undefined. Standbys are as good as they are early in the map. */
export function untried(
  { primary, standbys }: ShardEntry,
  isStandbyFirst: boolean,
  tried: readonly string[],
): string | undefined {
  if (!isStandbyFirst && !tried.includes(primary)) return primary
  for (const standby of standbys) if (!tried.includes(standby)) return standby
  return tried.includes(primary) ? undefined : primary
}

const none: readonly string[] = []

/** A question's bytes besides its texts and pending records. */
const questionBytes = 512

/** One UTF-16 unit makes three bytes at most. */
function bytesOf(question: Draft): number {
  const { identifiers, pending } = question
  let bytes = questionBytes
  for (const text of identifiers) bytes += 3 * text.length
  for (const text of question.kind === 'decide' ? question.placements : question.traits)
    bytes += 3 * text.length
  for (const batch of pending) bytes += batch.length
  return bytes
}

import type { ChannelRecord, Identifier, Outcome, Position, ShardMap } from '@halfsecond/protocol'
import {
  builtInNamespaces,
  type DecideQuestion,
  decode,
  decodeBatch,
  encode,
  HalfsecondError,
  identifierOf,
  isChannelRecord,
  type ProfileQuestion,
  parseQuestions,
  wireVersion,
} from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'
import type { Transport } from '../../src/index.ts'

export interface Published {
  readonly shard: number
  readonly producer: string
  readonly n: number
  readonly names: readonly string[]
  readonly records: readonly ChannelRecord[]
}

/** What a script does with a publish: a sequence, an error, or a promise of its own. */
type OnPublish = (batch: Published) => number | Promise<number>
type OnRead = (question: ProfileQuestion) => object | Promise<object>
type OnAsk = (questions: readonly DecideQuestion[], node: string) => object[] | Promise<object[]>

/** A cluster in memory, which does what the test says. */
export class ScriptedTransport implements Transport {
  isConnected = true
  isClosed = false
  readonly published: Published[] = []
  /** Frames of questions, as they came. */
  readonly asked: (readonly DecideQuestion[])[] = []
  onPublish: OnPublish = () => this.published.length
  onAsk: OnAsk = (questions) => questions.map((question) => answerTo(question))
  /** Questions for traits, as they came: each in a frame of its own. */
  readonly read: ProfileQuestion[] = []
  onRead: OnRead = () => never()
  onLanding: (token: string, device: Identifier) => Promise<Position> = () => never()
  onOutcome: (token: string, outcome: Outcome) => Promise<Position> = () => never()
  currentMap: ShardMap | HalfsecondError = mapOf(1)
  private listener: (map: ShardMap) => void = () => {}

  map(): Promise<ShardMap> {
    return this.currentMap instanceof HalfsecondError
      ? Promise.reject(this.currentMap)
      : Promise.resolve(this.currentMap)
  }

  onMap(listener: (map: ShardMap) => void): void {
    this.listener = listener
  }

  tell(map: ShardMap): void {
    this.currentMap = map
    this.listener(map)
  }

  async publish(shard: number, bytes: Uint8Array): Promise<number> {
    const batch = { shard, ...readBatch(bytes) }
    this.published.push(batch)
    return this.onPublish(batch)
  }

  async ask(node: string, bytes: Uint8Array): Promise<Uint8Array> {
    const all = parseQuestions(decode(bytes), builtInNamespaces)
    const [reading] = all.filter((question) => question.kind === 'profile')
    if (reading) {
      this.read.push(reading)
      return encode({ v: wireVersion, epoch: 1, answers: [await this.onRead(reading)] })
    }
    const questions = all.filter((question) => question.kind === 'decide')
    this.asked.push(questions)
    const answers = await this.onAsk(questions, node)
    return encode({ v: wireVersion, epoch: 1, answers })
  }

  outcome(token: string, outcome: Outcome): Promise<Position> {
    return this.onOutcome(token, outcome)
  }

  landing(token: string, device: Identifier): Promise<Position> {
    return this.onLanding(token, device)
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }
}

export function mapOf(shards: number, epoch = 1, incarnation = 7): ShardMap {
  const entry = { incarnation, primary: 'n1', standbys: [] }
  return {
    epoch,
    nodes: ['n1'],
    namespaces: [],
    consent: 'assumed',
    shards: Array.from({ length: shards }, () => entry),
  }
}

const keys = new TokenKeys(`test:${Buffer.alloc(32, 7).toString('base64')}`)

/** What a node would sign. */
export function tokenOf({ decision, identifiers }: DecideQuestion, placement: string): string {
  const [key = identifierOf('anon', 'nobody')] = identifiers
  const card = { offer: 'card', treatment: 'banner', playbook: 3, decidedAt: 1, expiresAt: 2 }
  return keys.sign({ decision, key, placement, ...card })
}

/** What a script answers: an offer at every placement. */
export function answerTo(question: DecideQuestion, more: object = {}): object {
  return {
    kind: 'decision',
    decision: question.decision,
    playbook: 3,
    freshness: 'fresh',
    position: [0, 7, 1],
    placements: question.placements.map((placement) => ({
      placement,
      reason: 'rules',
      propositions: [
        {
          content: 'card',
          offer: 'card',
          treatment: 'banner',
          token: tokenOf(question, placement),
        },
      ],
    })),
    ...more,
  }
}

/** The records of a batch, and their names: of events their own, else their kind. */
export function readBatch(bytes: Uint8Array): Omit<Published, 'shard'> {
  const { producer, n, records } = decodeBatch(bytes)
  const valid = records.filter((record) => isChannelRecord(record, builtInNamespaces))
  if (valid.length !== records.length) throw new Error('not a record')
  const names = valid.map((record) => (record.kind === 'event' ? record.name : record.kind))
  return { producer, n, names, records: valid }
}

/** Numbers of the records in a batch. */
export function numbersIn(bytes: Uint8Array): readonly number[] {
  const { n, records } = decodeBatch(bytes)
  let last = n - 1
  return records.map((record) => {
    const own = isChannelRecord(record, builtInNamespaces) ? record.n : undefined
    last = own ?? last + 1
    return last
  })
}

export function unavailable(): HalfsecondError {
  return new HalfsecondError('UNAVAILABLE', 'nobody there')
}

export function never<T>(): Promise<T> {
  return new Promise<T>(() => {})
}

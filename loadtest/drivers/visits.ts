import { type Client, connect, type Decision } from '@halfsecond/client'
import { isFields, retryableByCode, shardOf } from '@halfsecond/protocol'
import { driverOptions, finishing, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'
import { atRate } from '../lib/pace.ts'
import { Pauses } from '../lib/pauses.ts'

/*
 * Visits at a rate: an event that its visitor numbers, a trait with the same number, and the content
 * after them, which tells the last visit and how many the answer knows. Every answer must know its own
 * visit, and what is told as fresh all those before. Besides, a second channel without positions asks
 * about the same visitors: what it is told as fresh must know all that was acknowledged a second
 * before. Ends once everything is acknowledged, or given up.
 */
const options = driverOptions()
const url = textOption(options, 'url')
const prefix = textOption(options, 'prefix')
const visitors = numberOption(options, 'visitors')
const shards = numberOption(options, 'shards')
const seconds = numberOption(options, 'seconds')
/** Latencies of the first seconds are not taken: the processes warm up. */
const warmUpMs = numberOption(options, 'warmUpSeconds') * 1_000
const over = finishing()
const web = connect(url, { channel: 'web', queueBytes: 256 * 1024 * 1024 })
const call = connect(url, { channel: 'call' })
await Promise.all([web.ready(30_000), call.ready(30_000)])

/** Acknowledgements that are remembered of each visitor: minutes of them. */
const remembered = 64
const freshMs = 1_000
/** Answers that took longer than their deadline and this much were not in time. */
const lateMs = 100
const deadlineMs = 400
/** Counts are exact up to this. */
const knownMax = 1_024

interface Known {
  readonly key: string
  readonly shard: number
  /** Numbers so far. */
  made: number
  /** The newest acknowledgements, oldest first. */
  readonly acks: { readonly number: number; readonly at: number }[]
}

const people = Array.from({ length: visitors }, (_, who): Known => {
  const key = `${prefix}${who}`
  return { key, shard: shardOf(`anon:${key}`, shards), made: 0, acks: [] }
})

const latencies = new Latencies(1_000_000)
const ingest = new Pauses('ingest', 1_000)
const tail = new Pauses('tail', 500)
const counts = {
  recorded: 0,
  acknowledged: 0,
  failed: 0,
  decided: 0,
  defaults: 0,
  errors: 0,
  late: 0,
  missed: 0,
  behind: 0,
  ahead: 0,
  asked: 0,
  stale: 0,
  staleMarkedFresh: 0,
}
const running = new Set<Promise<void>>()
const startedAt = performance.now()

async function visit(person: Known, intendedMs: number): Promise<void> {
  const visitor = web.visitor({ anon: person.key })
  const number = ++person.made
  counts.recorded++
  const recordedAt = performance.now()
  visitor.track('numbered', { path: '/a', number }).then(
    () => acknowledged(person, number, recordedAt),
    () => {
      counts.failed++
    },
  )
  visitor.setTraits({ last: number }).catch(() => {})
  const decision = await visitor.decide('page', { deadlineMs })
  const tookMs = performance.now() - intendedMs
  if (intendedMs - startedAt >= warmUpMs) latencies.add(tookMs)
  counts.decided++
  if (isDefault(decision)) return
  if (performance.now() - recordedAt > deadlineMs + lateMs) counts.late++
  const { known, last } = shownIn(decision)
  if (last < number) counts.missed++
  if (known < Math.min(number, knownMax)) {
    if (decision.freshness === 'fresh') counts.staleMarkedFresh++
    else counts.behind++
  }
  if (known > person.made) counts.ahead++
}

function acknowledged(person: Known, number: number, recordedAt: number): void {
  const at = performance.now()
  counts.acknowledged++
  ingest.add(person.shard, recordedAt, at)
  if (person.acks.push({ number, at }) > remembered) person.acks.shift()
}

async function ask(person: Known): Promise<void> {
  const askedAt = performance.now()
  const decision = await call.visitor({ anon: person.key }).decide('page', { deadlineMs })
  if (decision.error !== undefined) return
  counts.asked++
  const { known } = shownIn(decision)
  const unknown = person.acks.find(({ number }) => number > known && known < knownMax)
  if (unknown !== undefined && unknown.at < askedAt) tail.add(person.shard, unknown.at, askedAt)
  if (decision.freshness === 'stale') counts.stale++
  else if (unknown !== undefined && unknown.at < askedAt - freshMs) counts.staleMarkedFresh++
}

/** Counts an answer that is none of the cluster's. Where asking again later helps, nothing is wrong but the time. */
function isDefault({ error }: Decision): boolean {
  if (error === undefined) return false
  counts.defaults++
  if (!retryableByCode[error.code]) counts.errors++
  return true
}

function shownIn({ content }: Decision): { readonly known: number; readonly last: number } {
  return isFields(content)
    ? { known: Number(content.known), last: Number(content.last) }
    : { known: 0, last: 0 }
}

function keep(work: Promise<void>): void {
  const one = work
    .catch(() => {
      counts.errors++
    })
    .finally(() => running.delete(one))
  running.add(one)
}

const anybody = () => people[Math.floor(Math.random() * visitors)]
let turn = 0
await Promise.all([
  atRate(
    numberOption(options, 'rate'),
    seconds,
    (intendedMs) => {
      const person = people[turn++ % visitors]
      if (person) keep(visit(person, intendedMs))
    },
    over,
  ),
  atRate(
    numberOption(options, 'askRate'),
    seconds,
    () => {
      const person = anybody()
      if (person) keep(ask(person))
    },
    over,
  ),
])
const tookSeconds = (performance.now() - startedAt) / 1_000
await Promise.all(running)
await web.close(100_000)
await call.close()
sendResult({
  ...counts,
  ...hedgesOf(web),
  seconds: tookSeconds,
  p50: latencies.quantile(0.5),
  p99: latencies.quantile(0.99),
  p999: latencies.quantile(0.999),
  slowest: latencies.quantile(1),
  ...ingest.result(),
  ...tail.result(),
})

function hedgesOf(client: Client): { readonly hedges: number; readonly hedgesWon: number } {
  const { hedges, hedgesWon } = client.stats()
  return { hedges, hedgesWon }
}

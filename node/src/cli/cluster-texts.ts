import { type ClusterAnswer, numberOf } from './cluster-answer.ts'
import { type Fields, fieldsOf, listOf, textOf } from './fields.ts'

/** A sentence for each thing that an operator should know first, what causes others before them. */
export function alarmsOf({ all, nodes, shards, redundancy }: ClusterAnswer): string[] {
  const alarms: string[] = []
  if (all.isAgreementReachable === false)
    alarms.push('NATS does not answer: the rest is how it looks from this node alone')
  const none = shards.filter(({ hot }) => hot === 0)
  if (none.length > 0) alarms.push(`${shardsNamed(none)} NO caught-up replica`)
  const reduced = shards.filter(
    ({ hot }) => numberOf(hot) > 0 && numberOf(hot) < numberOf(redundancy.wanted),
  )
  if (reduced.length > 0)
    alarms.push(
      `${shardsNamed(reduced)} fewer than ${textOf(redundancy.wanted)} caught-up replicas`,
    )
  for (const { id, state, silentMs } of nodes)
    if (state === 'away')
      alarms.push(
        `${textOf(id)} is away${typeof silentMs === 'number' ? `, silent for ${Math.round(silentMs / 1_000)} s` : ''}`,
      )
  const suspects = shards.filter(({ replicas }) =>
    listOf(replicas).some(({ digest }) => digest === 'suspect'),
  )
  if (suspects.length > 0) alarms.push(`${shardsNamed(suspects)} replicas that disagree`)
  if (all.coordinator === undefined) alarms.push('no node coordinates: nothing fails over')
  return alarms
}

function shardsNamed(shards: readonly Fields[]): string {
  const numbers = shards.slice(0, 5).map(({ shard }) => textOf(shard))
  const list = numbers.join(', ') + (shards.length > 5 ? ', …' : '')
  return shards.length === 1 ? `shard ${list} has` : `${shards.length} shards (${list}) have`
}

/** `12 % of 70 MiB, full in 41 h` */
export function roomText(log: unknown): string {
  if (log === undefined) return 'not known yet'
  const { bytes, bytesMax, hoursUntilFull } = fieldsOf(log)
  const max = numberOf(bytesMax)
  const share = max > 0 ? Math.round((100 * numberOf(bytes)) / max) : 0
  const size = max > 0 ? `${share} % of ${sizeText(max)}` : sizeText(numberOf(bytes))
  const hours = typeof hoursUntilFull === 'number' ? `, full in ${hoursText(hoursUntilFull)}` : ''
  return size + hours
}

/** The log that is fullest, and the one that is full first. */
export function logText({ shards }: ClusterAnswer): string {
  const known = shards.filter(({ log }) => log !== undefined)
  const share = ({ log }: Fields) => {
    const { bytes, bytesMax } = fieldsOf(log)
    return numberOf(bytes) / Math.max(1, numberOf(bytesMax))
  }
  const [fullest] = [...known].sort((a, b) => share(b) - share(a))
  if (fullest === undefined) return 'not known yet: looked at every 30 s'
  const hours = known
    .map(({ log }) => fieldsOf(log).hoursUntilFull)
    .filter((one) => typeof one === 'number')
  const first = hours.length > 0 ? `; the first full in ${hoursText(Math.min(...hours))}` : ''
  const { bytes, bytesMax } = fieldsOf(fullest.log)
  const size = roomText({ bytes, bytesMax })
  return `fullest is shard ${textOf(fullest.shard)}, ${size}${first}`
}

function hoursText(hours: number): string {
  if (hours < 1) return 'LESS THAN AN HOUR'
  return hours < 100 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`
}

function sizeText(bytes: number): string {
  if (bytes < 1024 ** 2) return `${Math.round(bytes / 1024)} KiB`
  return bytes < 1024 ** 3
    ? `${Math.round(bytes / 1024 ** 2)} MiB`
    : `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}

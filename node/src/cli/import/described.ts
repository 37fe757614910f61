import type { Imported } from './importer.ts'
import type { MappedImported } from './mapped-import.ts'
import type { Mapping } from './mapping.ts'
import { count, describeSeconds } from './progress.ts'
import type { RejectedFile } from './rejected-file.ts'

/** What there is to tell of an import. */
export interface Told {
  readonly file: string
  readonly mapping: Mapping
  readonly result: Imported | MappedImported
  readonly rejected: Pick<RejectedFile, 'path' | 'count'>
  readonly elapsedMs: number
  readonly isDryRun: boolean
}

/** What became of a file, for programs. */
export function importAsJson(told: Told & { readonly producer: string }): object {
  const { file, mapping, result, rejected, elapsedMs, isDryRun, producer } = told
  const { lines, sent, shortened, isFolded, isStopped } = result
  return {
    file,
    format: formatOf(mapping),
    ...(mapping.format === 'mapped' && {
      source: mapping.columns.source,
      mode: mapping.columns.mode,
    }),
    dryRun: isDryRun,
    producer,
    lines,
    sent,
    ...('unset' in result && {
      unset: result.unset,
      unlinked: result.unlinked,
      ...result.compared,
    }),
    rejected: rejected.count,
    shortened,
    ...(rejected.count > 0 && { rejectedFile: rejected.path }),
    visible: isFolded,
    stopped: isStopped,
    elapsedMs: Math.round(elapsedMs),
    linesPerSecond: Math.round(lines / (elapsedMs / 1000)),
  }
}

/** What became of a file, for people. */
export function describeImport(told: Told): string[] {
  const { file, mapping, result, rejected, elapsedMs, isDryRun } = told
  const { lines, shortened, isFolded, isStopped } = result
  const rate = count(lines / (elapsedMs / 1000))
  const text = [
    `${file} (${formatOf(mapping)}): ${count(lines)} lines, ${counted(told).join(', ')}, ${count(rejected.count)} rejected, ${describeSeconds(elapsedMs / 1000)}, ${rate} lines/s`,
  ]
  if (rejected.count > 0) text.push(`rejected lines, with reasons: ${rejected.path}`)
  if (shortened > 0)
    text.push(`${count(shortened)} lines had a value that was shortened to its bound`)
  if (isStopped) text.push('stopped; run the same command again to go on, nothing is counted twice')
  else if (!isFolded) text.push('stored, but the node has not caught up yet')
  else if (!isDryRun) text.push('importing the same file again changes nothing')
  return text
}

function counted({ result, isDryRun }: Told): string[] {
  if (!('unset' in result)) return [`${count(result.sent)} ${isDryRun ? 'would be sent' : 'sent'}`]
  const { sent, unset, unlinked, compared } = result
  if (compared === undefined)
    return [
      `${count(sent)} records sent`,
      ...(unset > 0 ? [`${count(unset)} traits unset`] : []),
      ...(unlinked > 0 ? [`${count(unlinked)} links ended`] : []),
    ]
  return [
    `${count(compared.new)} new`,
    `${count(compared.changed)} changed`,
    `${count(compared.unchanged)} unchanged`,
    `${count(compared.merged)} links to merge`,
    ...(unset > 0 ? [`${count(unset)} traits to unset`] : []),
    ...(unlinked > 0 ? [`${count(unlinked)} links to end`] : []),
  ]
}

/** What the file itself is. */
function formatOf(mapping: Mapping): string {
  return mapping.format === 'mapped' ? mapping.columns.format : mapping.format
}

import { basename } from 'node:path'
import { openTransport } from '@halfsecond/client/transport'
import {
  builtInNamespaces,
  HalfsecondError,
  toHalfsecondError,
  withoutCredentials,
} from '@halfsecond/protocol'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { Exit, exitCodes } from '../failure.ts'
import { type Content, openContent } from '../import/content.ts'
import {
  type Destination,
  type Imported,
  Importer,
  identityOf,
  NoDestination,
} from '../import/importer.ts'
import { LogDestination } from '../import/log-destination.ts'
import { csvDefaults, detectFormat, type Format, formats, type Mapping } from '../import/mapping.ts'
import { count, describeSeconds, Progress } from '../import/progress.ts'
import { RejectedFile } from '../import/rejected-file.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

const defaultUrl = 'http://127.0.0.1:7500'

interface ImportCommandOptions {
  readonly format?: Format
  readonly url?: string
  readonly rejected?: string
  readonly dryRun?: boolean
  readonly patience: number
  readonly json?: boolean
  readonly key: string
  readonly namespace: string
  readonly at: string
  readonly name: string
  readonly event: string
  readonly traits?: boolean
  readonly text: readonly string[]
  readonly delimiter: string
}

const formatHelp = `
Formats, told by the file's beginning unless --format says which; gzip is unpacked:
  access-log  combined log of Apache or nginx: each line is a "page" event of anon:<client address>
              at the line's own time, with method, path, status, bytes, protocol, referrer, agent
  ndjson      one record a line: {"key": "crm:991", "name": "page", "at": "2026-05-17T10:05:03Z",
              "properties": {"path": "/help"}}; with "set": {"tier": "gold"} it is traits;
              "kind" names any other record
  csv         a header line; the columns key, name and at, all others are properties. Numbers, true
              and false are such, anything else is text, an empty cell says nothing
Times are ISO 8601 (UTC where no zone is written) or milliseconds since 1970.

The same file with the same options can be imported again, also after it broke off: what is there
already is not counted twice. A file that has grown is another file.`

export function addImport(program: Command, around: Surroundings): void {
  program
    .command('import')
    .description('send an access log, NDJSON or CSV file into the log')
    .argument('<file>', 'the file; - reads standard input')
    .addOption(new Option('--format <format>', 'what the file is').choices(formats))
    .option('--url <url>', 'where records go: http://host:7500 or nats://host:4222')
    .option('--rejected <path>', 'where refused lines go (default: <file>.rejected.ndjson)')
    .option('--dry-run', 'check every line, send nothing')
    .option('--patience <seconds>', 'how long to try when the log is away', seconds, 60)
    .option('--json', 'print the result as JSON')
    .optionsGroup('Options for CSV:')
    .option('--key <column>', 'column of the identifier', csvDefaults.key)
    .option('--namespace <name>', 'namespace of identifiers written without one', '')
    .option('--at <column>', 'column of the time', csvDefaults.at)
    .option('--name <column>', "column of the event's name", csvDefaults.name)
    .option('--event <name>', 'all rows are this event', '')
    .option('--traits', 'rows are traits, not events')
    .option('--text <columns>', 'columns, by commas, that stay text', commas, csvDefaults.text)
    .option('--delimiter <char>', 'what stands between cells', csvDefaults.delimiter)
    .addHelpText('after', formatHelp)
    .action(async (file: string, options: ImportCommandOptions) => {
      const content = await openContent(file, around.input)
      try {
        await importContent(file, content, options, around)
      } finally {
        await content.close()
      }
    })
}

async function importContent(
  file: string,
  content: Content,
  options: ImportCommandOptions,
  around: Surroundings,
): Promise<void> {
  const mapping = mappingOf(content, options)
  const identity = identityOf(content, mapping)
  const view = {
    isTerminal: around.isTerminal,
    write: (text: string) => void around.notes.write(text),
  }
  const progress = new Progress(view, content.bytes)
  const rejected = new RejectedFile(options.rejected ?? rejectedPath(file))
  const parts = { content, mapping, identity, progress, rejected, signal: around.stopping }
  const startedAt = performance.now()
  const result = await send(options, identity.producer, progress, rejected, around, (destination) =>
    new Importer({ ...parts, destination }).run(),
  )
  const elapsedMs = performance.now() - startedAt
  if (options.json) {
    const { lines, sent, shortened, isFolded, isStopped } = result
    const { producer } = identity
    const path = rejected.count > 0 ? { rejectedFile: rejected.path } : {}
    const told = { file, format: mapping.format, dryRun: options.dryRun === true, producer, lines }
    const counts = { sent, rejected: rejected.count, shortened, ...path }
    const linesPerSecond = Math.round(lines / (elapsedMs / 1000))
    printJson(around.output, {
      ...told,
      ...counts,
      visible: isFolded,
      stopped: isStopped,
      elapsedMs: Math.round(elapsedMs),
      linesPerSecond,
    })
  } else {
    for (const line of describeImport(file, mapping.format, result, rejected, elapsedMs, options)) {
      printLine(around.output, line)
    }
  }
  if (result.isStopped) throw new Exit(exitCodes.failed)
}

async function send(
  options: ImportCommandOptions,
  producer: string,
  progress: Progress,
  rejected: RejectedFile,
  around: Surroundings,
  run: (destination: Destination) => Promise<Imported>,
): Promise<Imported> {
  if (options.dryRun) return run(new NoDestination(builtInNamespaces))
  const url = options.url ?? (around.env.HALFSECOND_URL || defaultUrl)
  const transport = openTransport(url)
  try {
    const map = await transport.map().catch((thrown: unknown) => {
      const { code, message } = toHalfsecondError(thrown, 'UNAVAILABLE', 'no shard map')
      throw new HalfsecondError(
        code,
        `no node answers at ${withoutCredentials(url)} (${message}); start one with: halfsecond dev, or name another with --url or HALFSECOND_URL`,
        { cause: thrown },
      )
    })
    return await run(
      new LogDestination(transport, map, {
        producer,
        patienceMs: options.patience * 1000,
        onRefused: ({ line, text }, reason) => rejected.add(line, reason, text),
        onTrouble: ({ code, message }) =>
          progress.note(`${code}: ${message}; trying for up to ${options.patience} s`),
        signal: around.stopping,
      }),
    )
  } catch (thrown) {
    const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'the import failed')
    if (!error.retryable || error.message.startsWith('no node answers')) throw error
    throw new HalfsecondError(
      error.code,
      `the import broke off: ${error.message}; run the same command again to go on, nothing is counted twice`,
      { cause: error },
    )
  } finally {
    await transport.close()
  }
}

function mappingOf(content: Content, options: ImportCommandOptions): Mapping {
  const format = options.format ?? detectFormat(content.head)
  if (format !== 'csv') return { format }
  const { key, namespace, at, name, event, traits = false, text, delimiter } = options
  return { format, key, namespace, at, name, event, traits, text, delimiter }
}

function describeImport(
  file: string,
  format: Format,
  result: Imported,
  rejected: RejectedFile,
  elapsedMs: number,
  options: ImportCommandOptions,
): string[] {
  const { lines, sent, shortened, isFolded, isStopped } = result
  const rate = count(lines / (elapsedMs / 1000))
  const done = options.dryRun ? 'would be sent' : 'sent'
  const told = [
    `${file} (${format}): ${count(lines)} lines, ${count(sent)} ${done}, ${count(rejected.count)} rejected, ${describeSeconds(elapsedMs / 1000)}, ${rate} lines/s`,
  ]
  if (rejected.count > 0) told.push(`rejected lines, with reasons: ${rejected.path}`)
  if (shortened > 0)
    told.push(`${count(shortened)} lines had a value that was shortened to its bound`)
  if (isStopped) told.push('stopped; run the same command again to go on, nothing is counted twice')
  else if (!isFolded) told.push('stored, but the node has not caught up yet')
  else if (!options.dryRun) told.push('importing the same file again changes nothing')
  return told
}

function rejectedPath(file: string): string {
  return file === '-' || file.startsWith('/dev/')
    ? `${basename(file === '-' ? 'stdin' : file)}.rejected.ndjson`
    : `${file}.rejected.ndjson`
}

function seconds(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 86_400) return value
  throw new InvalidArgumentError('A number of seconds, at most a day.')
}

function commas(text: string): string[] {
  return text.split(',').map((one) => one.trim())
}

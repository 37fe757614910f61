import { basename } from 'node:path'
import { builtInNamespaces } from '@halfsecond/protocol'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { Exit, exitCodes } from '../failure.ts'
import { readColumnMapping } from '../import/column-mapping.ts'
import { type Content, openContent } from '../import/content.ts'
import { describeImport, importAsJson } from '../import/described.ts'
import { type Imported, Importer, identityOf, NoDestination } from '../import/importer.ts'
import { withLog } from '../import/log-connection.ts'
import { LogDestination, type LogOptions } from '../import/log-destination.ts'
import { importMapped, type MappedImported, type MappedUses } from '../import/mapped-import.ts'
import { csvDefaults, detectFormat, type Format, formats, type Mapping } from '../import/mapping.ts'
import { Progress } from '../import/progress.ts'
import { RejectedFile } from '../import/rejected-file.ts'
import { readText } from '../playbook-file.ts'
import { printJson, printLine } from '../print.ts'
import type { Surroundings } from '../surroundings.ts'

const defaultUrl = 'http://127.0.0.1:7500'

/**
 * A link that is new makes records on other shards: edges, copies of what stands below, and word that
 * they are sent; a millisecond of one node in all. An import has time: it goes at half the rate at
 * which the bench's `merge-storm-ratio` measures what that does to the decides of others.
 */
const linksPerSecondDefault = 50

const csvOptions = [
  'format',
  'key',
  'namespace',
  'at',
  'name',
  'event',
  'traits',
  'text',
  'delimiter',
]

interface ImportCommandOptions {
  readonly format?: Format
  readonly mapping?: string
  readonly rate: number
  readonly adminUrl?: string
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
With --mapping, a CSV or NDJSON file of any other system, its columns named in a mapping:
  source: crm                # who says so; a file that is imported in mode full has its own
  format: csv                # or ndjson; delimiter: ";" where it is no comma
  key: crm:\${id}            # whom a row is about, with columns in it
  links:                     # who else that is; skipped where the column is empty
    - { to: "email:\${mail}", strength: authenticated }   # or asserted (default), observed
  traits:
    tier: level              # trait: column
    age: { column: age, type: int }   # string (default), int, double, bool, time, list
  at: updated                # column of the time; default: when the file was written
  mode: full                 # or delta (default): what the file does not say stays as it is
Other columns are ignored. In mode full, traits that the source has set earlier are unset where the
file does not have them any more, and links that it has told end. A faulty row is rejected whole.

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
    .option('--dry-run', 'check every line, send nothing; with --mapping, count what would change')
    .option('--patience <seconds>', 'how long to try when the log is away', seconds, 60)
    .option('--json', 'print the result as JSON')
    .optionsGroup("Options for another system's file:")
    .addOption(
      new Option('--mapping <file>', 'what its columns mean, YAML or JSON').conflicts(csvOptions),
    )
    .option(
      '--rate <links>',
      'new and ended links sent per second',
      linksPerSecond,
      linksPerSecondDefault,
    )
    .option('--admin-url <url>', 'admin port of a node, for mode full and --dry-run')
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
  const mapping = await mappingOf(content, options, around)
  const identity = identityOf(content, mapping)
  const view = {
    isTerminal: around.isTerminal,
    write: (text: string) => void around.notes.write(text),
  }
  const progress = new Progress(view, content.bytes)
  const rejected = new RejectedFile(options.rejected ?? rejectedPath(file))
  const parts = { content, identity, progress, rejected, signal: around.stopping }
  const log: LogOptions = {
    producer: identity.producer,
    patienceMs: options.patience * 1000,
    onRefused: ({ line, text }, reason) => rejected.add(line, reason, text),
    onTrouble: ({ code, message }) =>
      progress.note(`${code}: ${message}; trying for up to ${options.patience} s`),
    signal: around.stopping,
  }
  const startedAt = performance.now()
  const result = await send(mapping, parts, log, options, around)
  const told = { file, mapping, result, rejected, elapsedMs: performance.now() - startedAt }
  const isDryRun = options.dryRun === true
  if (options.json) {
    printJson(around.output, importAsJson({ ...told, producer: identity.producer, isDryRun }))
  } else {
    for (const line of describeImport({ ...told, isDryRun })) printLine(around.output, line)
  }
  if (result.isStopped) throw new Exit(exitCodes.failed)
}

function send(
  mapping: Mapping,
  parts: MappedUses['parts'],
  log: LogOptions,
  options: ImportCommandOptions,
  around: Surroundings,
): Promise<Imported | MappedImported> {
  const isDryRun = options.dryRun === true
  const url = options.url ?? (around.env.HALFSECOND_URL || defaultUrl)
  if (mapping.format === 'mapped') {
    const admin = new AdminClient(adminUrl(options.adminUrl, around))
    const uses = { parts, mapping, log, admin, linksPerSecond: options.rate, isDryRun }
    return withLog(url, (transport, map) => importMapped({ ...uses, transport, map }))
  }
  if (isDryRun) {
    const destination = new NoDestination(builtInNamespaces)
    return new Importer({ ...parts, mapping, destination }).run()
  }
  return withLog(url, (transport, map) => {
    const destination = new LogDestination(transport, map, log)
    return new Importer({ ...parts, mapping, destination }).run()
  })
}

async function mappingOf(
  content: Content,
  options: ImportCommandOptions,
  around: Surroundings,
): Promise<Mapping> {
  if (options.mapping !== undefined) {
    const text = await readText(options.mapping, around.input)
    const columns = readColumnMapping(options.mapping, text)
    return { format: 'mapped', columns, modifiedAt: content.modifiedAt }
  }
  const format = options.format ?? detectFormat(content.head)
  if (format !== 'csv') return { format }
  const { key, namespace, at, name, event, traits = false, text, delimiter } = options
  return { format, key, namespace, at, name, event, traits, text, delimiter }
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

function linksPerSecond(text: string): number {
  const value = Number(text)
  if (value >= 1 && value <= 1_000_000) return value
  throw new InvalidArgumentError('A number of links per second, from 1 to 1000000.')
}

function commas(text: string): string[] {
  return text.split(',').map((one) => one.trim())
}

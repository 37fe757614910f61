import { encode } from '@halfsecond/protocol'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Item } from '../../core/catalogue/catalogue.ts'
import { encodePiece, itemsPerPieceMax } from '../../core/catalogue/stored-catalogue.ts'
import { AdminClient, adminUrl } from '../admin-client.ts'
import { type FieldType, fieldTypes, type ItemFormat, readItems } from '../catalogue/read-items.ts'
import { Exit, exitCodes } from '../failure.ts'
import { type Fields, fieldsOf, textOf } from '../fields.ts'
import { type Content, openContent } from '../import/content.ts'
import { detectFormat } from '../import/mapping.ts'
import { printJson, printLine } from '../print.ts'
import { type Surroundings, userOf } from '../surroundings.ts'

/** Bytes of a piece: a quarter of what one request may have, so that items are never cut apart. */
const pieceBytes = 64 * 1024

/** Faulty lines that are told one by one. */
const toldMax = 10

interface ImportOptions {
  readonly format?: 'ndjson' | 'csv'
  readonly id: string
  readonly fields: ReadonlyMap<string, FieldType>
  readonly delimiter: string
  readonly by?: string
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly adminUrl?: string
}

const formatHelp = `
  ndjson  one item a line: {"id": "b-17", "category": "boots", "price": 89.5, "tags": ["new"]}
  csv     a header line; every column is text unless --fields says what it is; lists by |

All of the file is the new version: what it does not have is not there any more. A file with a faulty
line makes no version.`

export function addCatalogueImport(catalogue: Command, around: Surroundings): void {
  catalogue
    .command('import')
    .description('make a file the new version of a catalogue that offers are made from')
    .argument('<name>', 'the catalogue, as playbooks call it')
    .argument('<file>', 'its items, NDJSON or CSV, gzip is unpacked; - reads standard input')
    .addOption(new Option('--format <format>', 'what the file is').choices(['ndjson', 'csv']))
    .option('--id <field>', 'what tells an item from all others', 'id')
    .option('--fields <types>', 'of CSV: price:double,tags:list', typesOf, new Map())
    .option('--delimiter <char>', 'of CSV: what stands between cells', ',')
    .option('--by <name>', 'who does it, kept with the version (default: the user of this system)')
    .option('--dry-run', 'check every item, send nothing')
    .option('--json', 'print {items, faulty, version, hash, playbook}')
    .option('--admin-url <url>', 'admin port of any node')
    .addHelpText('after', formatHelp)
    .action(async (name: string, file: string, options: ImportOptions) => {
      const content = await openContent(file, around.input)
      try {
        await importItems(name, file, content, options, around)
      } finally {
        await content.close()
      }
    })
}

async function importItems(
  name: string,
  file: string,
  content: Content,
  options: ImportOptions,
  around: Surroundings,
): Promise<void> {
  const { id, fields, delimiter, dryRun = false, json = false } = options
  const detected = detectFormat(content.head) === 'csv' ? 'csv' : 'ndjson'
  const format: ItemFormat = { format: options.format ?? detected, id, types: fields, delimiter }
  const admin = new AdminClient(adminUrl(options.adminUrl, around))
  const sender = new Sender(dryRun ? undefined : admin, (items) => {
    if (around.isTerminal) around.notes.write(`\r${items} items`)
  })
  let faulty = 0
  for await (const some of readItems(content.read(), format)) {
    for (const read of some) {
      if ('item' in read) await sender.add(read.item)
      else if (++faulty <= toldMax)
        around.notes.write(`${file}:${read.line}: ${read.fault.slice(0, 200)}\n`)
    }
  }
  await sender.flush()
  if (around.isTerminal) around.notes.write('\r')
  const { items, pieces } = sender
  if (faulty > 0 || items === 0 || dryRun) {
    if (json) printJson(around.output, { items, faulty })
    else printLine(around.output, `${file}: ${items} items, ${faulty} faulty lines; not imported`)
    if (faulty > 0 || items === 0) throw new Exit(exitCodes.failed)
    return
  }
  const by = encodeURIComponent(options.by ?? userOf(around))
  const path = `/v1/catalogues/${encodeURIComponent(name)}?by=${by}`
  const body = JSON.stringify({ items, pieces })
  const put = fieldsOf(await admin.postLong(path, 'application/json', body))
  if (json) printJson(around.output, { items, faulty, ...put })
  else printLine(around.output, described(name, items, put))
}

function described(name: string, items: number, { version, playbook }: Fields): string {
  const decides =
    playbook === undefined
      ? 'the playbook that decides does not use it, or has it already'
      : `decides from now on, as version ${textOf(playbook)} of the playbook`
  return `${name} ${textOf(version)}: ${items} items; ${decides}`
}

/** Sends items in pieces as they come. */
class Sender {
  items = 0
  readonly pieces: string[] = []
  private held: Item[] = []
  private heldBytes = 0
  private readonly admin: AdminClient | undefined
  private readonly onPiece: (items: number) => void

  /** @param admin undefined: items are counted only */
  constructor(admin: AdminClient | undefined, onPiece: (items: number) => void) {
    this.admin = admin
    this.onPiece = onPiece
  }

  async add(item: Item): Promise<void> {
    const bytes = encode([item.id, item.values]).length
    const isFull = this.held.length === itemsPerPieceMax || this.heldBytes + bytes > pieceBytes
    if (isFull) await this.flush()
    this.items++
    this.held.push(item)
    this.heldBytes += bytes
  }

  async flush(): Promise<void> {
    if (this.held.length === 0) return
    const piece = encodePiece(this.held)
    this.held = []
    this.heldBytes = 0
    if (this.admin !== undefined) {
      const type = 'application/msgpack'
      const stored = fieldsOf(await this.admin.post('/v1/catalogue-pieces', type, piece))
      this.pieces.push(textOf(stored.hash))
    }
    this.onPiece(this.items)
  }
}

/** `price:double,tags:list` */
function typesOf(text: string): ReadonlyMap<string, FieldType> {
  return new Map(
    text.split(',').map((one) => {
      const [field = '', type = ''] = one.split(':').map((part) => part.trim())
      const known = fieldTypes.find((name) => name === type)
      if (field === '' || known === undefined)
        throw new InvalidArgumentError(`FIELD:TYPE, where TYPE is ${fieldTypes.join(', ')}.`)
      return [field, known] as const
    }),
  )
}

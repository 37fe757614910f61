import { Readable, Writable } from 'node:stream'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { execute } from './support/command.ts'

const silent = {
  env: {},
  input: Readable.from([]),
  output: new Writable(),
  notes: new Writable(),
  isTerminal: false,
  stopping: new AbortController().signal,
}

/** `import`, `playbook check`, …; one with options of its own does something by itself, like `node`. */
function leaves(command: Command, path: readonly string[] = []): (readonly [string, Command])[] {
  return command.commands.flatMap((one) => {
    const name = [...path, one.name()]
    const inner = leaves(one, name)
    const isLeaf = inner.length === 0 || one.options.length > 0
    return isLeaf ? [[name.join(' '), one] as const, ...inner] : inner
  })
}

const commands = leaves(createProgram(silent))

describe('halfsecond --help', () => {
  it('tells what there is, what the environment says, and the exit codes', async () => {
    const { code, output, notes } = await execute(['--help'])

    expect({ code, notes }).toEqual({ code: 0, notes: '' })
    expect(output).toMatchInlineSnapshot(`
      "Usage: halfsecond [options] [command]

      Real-time personalisation on an actor-based, in-memory profile cluster.

      Options:
        -h, --help                 display help for command

      Commands:
        dev [options]              run a node in this process, with no server to install; saving a
                                   playbook publishes it
        node [options]             run a node of a cluster on NATS, named by HALFSECOND_NATS_URL; or see
                                   and change its nodes
        playbook                   check, compare, publish and take back what authors write
        catalogue                  import and see the items that offers are made from
        identity                   by what visitors are recognised: see, plan, apply and revert
        experiment                 see what experiments say: lift with an interval, shares, guardrails
        model                      see what was learnt, version by version
        why [options] <visitor>    what a visitor would be shown now, and why; or why a token was decided
                                   then
        backtest [options] [file]  estimate what another playbook, or policy, would have earned, by past
                                   choices
        decisions                  what was decided, with what became of it
        import [options] <file>    send an access log, NDJSON or CSV file into the log
        profile                    see what is known of persons, and how they are recognised
        export [options]           print every profile as one JSON object a line
        erase [options] <who>      erase a person: everything known until now, of all that is linked
        signals [options]          what other systems are told: who entered or left segments, was merged,
                                   split, erased …
        webhooks                   where signals are sent to: see how far each is, and try again
        status [options]           how a node and its cluster are; the exit code is 1 where the node is
                                   not ready
        shard                      see and move shards
        rebalance                  see, start and stop moves for balance

      Environment:
        HALFSECOND_ADMIN_URL  admin port of any node, for what neither runs a node nor imports
                              (default: http://127.0.0.1:7501)
        HALFSECOND_URL        where records go, for import: http://host:7500 or nats://host:4222
                              (default: http://127.0.0.1:7500)

      Exit codes: 0 done, 1 failed, 2 wrong usage.
      "
    `)
  })

  it('knows every command', () => {
    expect(commands.map(([name]) => name)).toEqual([
      'dev',
      'node',
      'node ls',
      'node show',
      'node drain',
      'node undrain',
      'node decommission',
      'playbook check',
      'playbook test',
      'playbook diff',
      'playbook publish',
      'playbook rollback',
      'playbook log',
      'playbook show',
      'playbook defaults',
      'catalogue import',
      'catalogue ls',
      'identity show',
      'identity plan',
      'identity apply',
      'identity revert',
      'experiment ls',
      'experiment report',
      'model ls',
      'model show',
      'why',
      'backtest',
      'decisions export',
      'import',
      'profile get',
      'profile timeline',
      'profile links',
      'profile audit',
      'profile conflicts',
      'profile export',
      'profile split',
      'export',
      'erase',
      'signals',
      'webhooks ls',
      'webhooks dead',
      'webhooks retry',
      'status',
      'shard ls',
      'shard show',
      'shard move',
      'rebalance plan',
      'rebalance apply',
      'rebalance status',
      'rebalance cancel',
    ])
  })

  it.each(commands)('of %s describes each argument and option', async (name, command) => {
    const { code, output } = await execute([...name.split(' '), '--help'])

    expect(code).toBe(0)
    expect(output).toContain(`Usage: halfsecond ${name} [options]`)
    expect(command.description()).not.toBe('')
    for (const { flags, description } of [...command.options]) {
      expect(output).toContain(flags)
      expect(description).not.toBe('')
    }
    for (const argument of command.registeredArguments) expect(argument.description).not.toBe('')
    const widest = Math.max(...output.split('\n').map((line) => line.length))
    expect(widest).toBeLessThanOrEqual(110)
  })

  it('of import documents the formats', async () => {
    expect((await execute(['import', '--help'])).output).toMatchInlineSnapshot(`
      "Usage: halfsecond import [options] <file>

      send an access log, NDJSON or CSV file into the log

      Arguments:
        file                  the file; - reads standard input

      Options:
        --format <format>     what the file is (choices: "access-log", "ndjson", "csv")
        --url <url>           where records go: http://host:7500 or nats://host:4222
        --rejected <path>     where refused lines go (default: <file>.rejected.ndjson)
        --dry-run             check every line, send nothing; with --mapping, count what would change
        --patience <seconds>  how long to try when the log is away (default: 60)
        --json                print the result as JSON
        -h, --help            display help for command

      Options for another system's file:
        --mapping <file>      what its columns mean, YAML or JSON
        --rate <links>        new and ended links sent per second (default: 50)
        --admin-url <url>     admin port of a node, for mode full and --dry-run

      Options for CSV:
        --key <column>        column of the identifier (default: "key")
        --namespace <name>    namespace of identifiers written without one (default: "")
        --at <column>         column of the time (default: "at")
        --name <column>       column of the event's name (default: "name")
        --event <name>        all rows are this event (default: "")
        --traits              rows are traits, not events
        --text <columns>      columns, by commas, that stay text (default: [])
        --delimiter <char>    what stands between cells (default: ",")

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
      already is not counted twice. A file that has grown is another file.
      "
    `)
  })

  it('of node lists every setting', async () => {
    const { output } = await execute(['node', '--help'])

    expect(output).toMatch(/HALFSECOND_SHARDS +a power of two/)
    expect(output).toContain('HALFSECOND_TOKEN_KEYS')
  })
})

describe('wrong usage', () => {
  it.each([
    [['halp'], /unknown command/],
    [['why'], /missing required argument 'visitor'/],
    [['import', 'x', '--format', 'xml'], /Allowed choices are access-log, ndjson, csv/],
    [['import', 'x', '--patience', 'long'], /number of seconds/],
    [['node', 'lss'], /unknown command 'lss'|too many arguments/],
    [['node', 'drain'], /missing required argument 'node'/],
    [['shard', 'move', '3'], /required option '--to <node>'/],
    [['status', '--jason'], /unknown option '--jason'\n.*--json/s],
  ])('%j ends with 2 and says what is possible', async (args, message) => {
    const { code, output, notes } = await execute(args)

    expect(code).toBe(2)
    expect(output).toBe('')
    expect(notes).toMatch(message)
  })
})

describe('what cannot be done', () => {
  const env = { HALFSECOND_URL: 'http://127.0.0.1:1', HALFSECOND_ADMIN_URL: 'http://127.0.0.1:1' }

  it.each([
    [['status'], /^UNAVAILABLE: no node answers at .*halfsecond dev/],
    [['why', 'crm:1'], /^UNAVAILABLE: no node answers/],
    [['export'], /^UNAVAILABLE: no node answers/],
    [['node', 'ls'], /^UNAVAILABLE: no node answers/],
    [['shard', 'move', 'x', '--to', 'n1'], /^INVALID: a shard is a number, not "x"/],
    [['profile', 'get', 'crm:1', '--admin-url', 'nonsense'], /^INVALID: "nonsense" is no address/],
    [['import', '-', '--format', 'ndjson'], /^UNAVAILABLE: no node answers at .*halfsecond dev/],
    [['import', '/nowhere/x.log'], /^INVALID: cannot read \/nowhere\/x.log/],
    [['import', '/'], /^INVALID: \/ is a folder/],
    [['node'], /^INVALID: HALFSECOND_NATS_URL is not set.*nats:\/\//],
    [['dev', '--port', '99999'], /^INVALID: cannot start:\n.*HALFSECOND_PORT/],
    [['playbook', 'check', '/nowhere.yaml'], /^INVALID: cannot read \/nowhere.yaml/],
    [['playbook', 'defaults'], /^INVALID: name either/],
  ])('%j ends with 1 and one sentence with its code', async (args, message) => {
    const { code, output, notes } = await execute(args, { env })

    expect(notes).toMatch(message)
    expect({ code, output }).toEqual({ code: 1, output: '' })
  })
})

import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableOf, withTable } from '../../loadtest/readme-table.ts'
import { commandsIn, documentedCommands } from './documented-commands.ts'
import { needs, type Requirement, realK6, realNatsServer } from './requirements.ts'
import { type Ended, RunningCommand, runCommand } from './running-command.ts'

const root = join(import.meta.dirname, '..', '..')

/** How a documented command is run here. */
interface Way {
  /** Appended as it is, to shorten it or to keep it off fixed ports and the reader's files. */
  readonly arguments?: string
  /** Run elsewhere instead: by this file, which names it with these words. */
  readonly runBy?: { readonly file: string; readonly words: string }
  readonly needs?: Requirement
  /** It goes on until Ctrl-C: its page is fetched meanwhile. */
  readonly runsOn?: boolean
  /** What it prints once it runs; a page by default, which is fetched. */
  readonly until?: RegExp
  /** What must be seen; by default only that it ends with 0. */
  readonly shows?: (ended: Ended) => void | Promise<void>
}

const examplesTest = 'client/test/examples.test.ts'
const anyPorts = ' -- --port 0 --admin-port 0'

const accessLog = ['/', '/boots', '/help']
  .map(
    (path, minute) =>
      `203.0.113.7 - - [18/Jun/2025:10:0${minute}:00 +0000] "GET ${path} HTTP/1.1" 200 512 "-" "Firefox"\n`,
  )
  .join('')

let folder: string
let node: RunningCommand
let env: { readonly [name: string]: string }

/** In order: later ones see what earlier ones left on the node that `npm start` runs. */
const ways: { readonly [command: string]: Way } = {
  'npm ci': { arguments: ' --dry-run --offline', shows: prints(/up to date|added|removed/) },
  // These two run until Ctrl-C; the first for as long as there are commands to ask it.
  'npm start': { arguments: anyPorts, runsOn: true },
  'npm run cluster:one': { arguments: anyPorts, runsOn: true, needs: realNatsServer },
  'npm run cluster': { runsOn: true, needs: realNatsServer, until: /(the cluster is ready)/ },
  'npm test': { arguments: ' -- protocol/test/position', shows: prints(/^\d+ passed, 0 failed/m) },
  'npm test -- node/test/core': {
    arguments: '/digest',
    shows: prints(/^\d+ passed, 0 failed/m),
  },
  'npm test -- client': { arguments: '/test/slots', shows: prints(/^\d+ passed, 0 failed/m) },
  'npm run check': { runBy: { file: '.ci/run', words: 'npm run check' } },
  'npx halfsecond playbook check node/playbooks/fernhill.yaml': {
    shows: prints(/^node\/playbooks\/fernhill.yaml: good;/),
  },
  'npx halfsecond playbook publish node/playbooks/fernhill.yaml': {
    shows: prints(/^fernhill decides from now on/m),
  },
  'npx halfsecond playbook test node/playbooks/fernhill.yaml': {
    shows: prints(/6 passed, 0 failed/),
  },
  'npx halfsecond playbook diff node/playbooks/fernhill.yaml': { shows: prints(/\S/) },
  'npx halfsecond playbook log': { shows: prints(/fernhill|version/) },
  'npx halfsecond playbook defaults node/playbooks/fernhill.yaml': { shows: prints(/"web\.hero"/) },
  'npx halfsecond status': { shows: prints(/fernhill/) },
  'npx halfsecond node ls': { shows: prints(/\bup\b/) },
  'npx halfsecond shard ls': { shows: prints(/^0 /m) },
  'npx halfsecond rebalance plan': { shows: prints(/^nothing is to move/) },
  'npx halfsecond import access.log.gz': {
    shows: prints(
      /3 lines, 3 sent, 0 rejected[\s\S]*importing the same file again changes nothing/,
    ),
  },
  'npx halfsecond profile get anon:203.0.113.7': { shows: prints(/\/boots/) },
  'npx halfsecond why anon:203.0.113.7': { shows: prints(/web\.hero/) },
  'npx halfsecond export --out profiles.ndjson': {
    shows: async () => {
      const lines = (await readFile(join(folder, 'profiles.ndjson'), 'utf8')).trim().split('\n')
      expect(lines.some((line) => line.includes('anon:203.0.113.7'))).toBe(true)
    },
  },
  'npx halfsecond --help': { shows: prints(/^Usage: halfsecond/) },
  'node client/examples/shop.ts': { runBy: { file: examplesTest, words: 'shop.ts' } },
  'node client/examples/call-centre.ts': { runBy: { file: examplesTest, words: 'call-centre.ts' } },
  'node client/examples/email.ts': { runBy: { file: examplesTest, words: 'email.ts' } },
  'node client/examples/landing.ts': { runBy: { file: examplesTest, words: 'landing.ts' } },
  'node client/examples/two-servers.ts': { runBy: { file: examplesTest, words: 'two-servers.ts' } },
  'node protocol/vectors/write.ts': {
    arguments: ' FOLDER',
    shows: async () => {
      for (const name of ['records.json', 'tokens.json']) {
        const written = await readFile(join(folder, name), 'utf8')
        expect(written).toBe(await readFile(join(root, 'protocol/vectors', name), 'utf8'))
      }
    },
  },
  'npm run pack': { arguments: ' -- FOLDER', shows: prints(/client-\S+\.tgz$/m) },
  'npm run bench': { arguments: ' -- --help', shows: prints(/--only PART/) },
  'npm run load': { arguments: ' -- --help', shows: prints(/--rates N/) },
  'npm run crash': { arguments: ' -- --help', shows: prints(/--only SCENARIO/) },
  'npm run -s bench -- --json': {
    arguments: ' --only click --seconds 3',
    needs: realNatsServer,
    shows: printsFigures(['click-to-content-p99', 'last-click-missed']),
  },
  'npm run -s load -- --json': {
    arguments: ' --rates 20 --seconds 3',
    needs: bothOf(realNatsServer, realK6),
    shows: printsFigures(['k6-rate-held', 'k6-click-to-content-p99', 'k6-last-click-missed']),
  },
  'npm run chaos': { arguments: ' -- --help', shows: prints(/kill-nodes/) },
  'npm run simulate': { arguments: ' -- --help', shows: prints(/--schedules N/) },
  'npm run -s chaos -- kill-nodes --json': {
    arguments: ' --seconds 6 --rate 200 --shards 8',
    needs: realNatsServer,
    shows: printsFigures(['kills', 'events-lost', 'events-doubled', 'decide-errors']),
  },
  'npm run -s simulate -- --json': {
    arguments: ' --schedules 5',
    shows: printsFigures(['schedules', 'violations']),
  },
  'npm run -s simulate -- identity': {
    arguments: ' --histories 200 --json',
    shows: printsFigures(['histories', 'violations']),
  },
  'npm run -s simulate -- accepts --json': {
    arguments: ' --trials 200',
    shows: printsFigures(['trials', 'violations']),
  },
  'npm run -s accepts -- --json': {
    arguments: ' --trials 200 --shards 4',
    needs: realNatsServer,
    shows: printsFigures(['accepts', 'accepts-respected', 'kills']),
  },
  'npm run accepts': { arguments: ' -- --help', shows: prints(/--trials N/) },
  'npm run -s load -- --failure --json': {
    arguments: ' --rate 20 --seconds 3 --report FOLDER/report.html',
    needs: bothOf(realNatsServer, realK6),
    shows: printsFigures(['k6-click-to-content-p99', 'k6-last-click-missed']),
  },
  'npm run -s learn -- --json': {
    arguments: ' --only experiments --runs 3 --visitors 20000',
    shows: printsFigures(['arm-shares']),
  },
  'npm run -s learn -- --only experiments': {
    arguments: ' --runs 3 --visitors 20000 --json',
    shows: printsFigures(['arm-shares']),
  },
  'npm run -s learn -- --only models': {
    arguments: ' --versions 1 --json',
    needs: realNatsServer,
    shows: printsFigures(['models-under-kills', 'model-contents-a-number']),
  },
  'npm run -s learn -- --only shop': {
    arguments: ' --shops 1 --weeks 1 --json',
    shows: printsFigures(['learner-over-best-constant', 'constant-loss']),
  },
  'npm run -s learn -- --only self': {
    arguments: ' --selves 1 --visits 2000 --json',
    shows: printsFigures(['off-policy-coverage']),
  },
  'npm run learn': { arguments: ' -- --help', shows: prints(/--runs N/) },
  'npm run -s crash -- --json': {
    arguments: ' --only kill-node --seconds 8',
    needs: realNatsServer,
    shows: printsFigures(['events-lost', 'events-doubled', 'events-reordered']),
  },
}

/** npm, a server and two processes that measure take their time on a small machine. */
const timeout = 300_000

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'halfsecond-readme-'))
  // What a command writes beside itself, or reads, is here instead of in the checkout.
  for (const name of ['node_modules', 'node']) await symlink(join(root, name), join(folder, name))
  await writeFile(join(folder, 'access.log.gz'), gzipSync(accessLog))
  env = { HALFSECOND_DATA: join(folder, 'data'), HALFSECOND_NATS_PORT: '0' }
  node = new RunningCommand(`npm start${anyPorts}`, { cwd: root, env })
  const url = await node.printed(/look here\s+(\S+)\//)
  env = { ...env, HALFSECOND_URL: url, HALFSECOND_ADMIN_URL: await node.printed(/admin\s+(\S+)/) }
}, timeout)

afterAll(async () => {
  await node.interrupt()
  await rm(folder, { recursive: true })
}, timeout)

describe('the documents', () => {
  it('name no command but these, and these all', async () => {
    expect(await documentedCommands(root)).toEqual(Object.keys(ways).sort())
  })

  it('hold the table of figures as it is generated', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8')
    const figures = await readFile(join(root, 'docs', 'figures.ndjson'), 'utf8')

    expect(readme).toBe(withTable(readme, tableOf(figures)))
  })

  it('have commands in blocks and in sentences, without comments', () => {
    const text =
      'Run `npm start`.\n\n```sh\nnpm ci && npm test # or `npm t`\n```\n```ts\n`npm no`\n```\n'

    expect(commandsIn(text)).toEqual(['npm ci', 'npm test', 'npm start', 'npm t'])
  })
})

describe.each(Object.entries(ways))('%s', (command, way) => {
  const { arguments: added, runBy, runsOn, until, shows } = way
  const options = { timeout, ...(way.needs && needs(way.needs)) }

  if (runBy !== undefined) {
    it(`is run by ${runBy.file}`, async () => {
      expect(await readFile(join(root, runBy.file), 'utf8')).toContain(runBy.words)
    })
  } else if (runsOn) {
    it(`runs and ends on Ctrl-C, as ${command}${added ?? ''}`, options, async () => {
      const data = await mkdtemp(join(folder, 'data-'))
      const own = {
        HALFSECOND_DATA: data,
        HALFSECOND_NATS_PORT: '0',
        ...(until && { HALFSECOND_PORT: '0', HALFSECOND_ADMIN_PORT: '0' }),
      }
      const running = new RunningCommand(`${command}${added ?? ''}`, { cwd: root, env: own })
      const shown = await running.printed(until ?? /look here\s+(\S+)/)
      const page = until ? '</html>' : await (await fetch(shown)).text()
      const { notes } = await running.interrupt()

      expect(page).toContain('</html>')
      expect(notes).toContain('stopping')
    })
  } else {
    it(`works${added === undefined ? '' : `, as ${command}${added}`}`, options, async () => {
      const cwd = command.startsWith('npx') ? folder : root
      const line = `${command}${added ?? ''}`.replace('FOLDER', folder)
      const ended = await runCommand(line, { cwd, env })

      await (shows ?? endsWell)(ended)
    })
  }
})

function endsWell({ code, notes }: Ended): void {
  expect(code, notes).toBe(0)
}

/** Ends with 0 and has printed what matches. */
function prints(pattern: RegExp): (ended: Ended) => void {
  return (ended) => {
    endsWell(ended)
    expect(ended.output).toMatch(pattern)
  }
}

/**
 * Nothing but figures, one a line, these among them, all taken; and the exit code says whether all
 * hold. Whether they do depends on the machine, and is for those who measure.
 */
function printsFigures(names: readonly string[]): (ended: Ended) => void {
  return ({ code, output, notes }) => {
    const lines = output.trimEnd().split('\n')
    const figures = lines.map((line): unknown => JSON.parse(line)).filter(isFields)
    expect(figures.length, notes).toBe(lines.length)
    expect(figures.map(({ figure }) => figure)).toEqual(expect.arrayContaining([...names]))
    expect(figures.filter(({ value }) => typeof value !== 'number')).toEqual([])
    expect(code).toBe(figures.every(({ holds }) => holds === true) ? 0 : 1)
  }
}

function bothOf(one: Requirement, other: Requirement): Requirement {
  return one.isMet ? other : one
}

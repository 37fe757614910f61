import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join, relative, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

/*
 * House rules that neither the compiler nor the linter can hold. Each test collects what breaks one
 * rule, so that a failure names the places.
 */

const root = join(import.meta.dirname, '..', '..')

/** Where each outside library is imported: one folder or file of a workspace's `src`. */
const homes: { readonly [workspace: string]: { readonly [library: string]: string } } = {
  protocol: { msgpackr: 'codec.ts' },
  client: {
    '@nats-io/transport-node': 'nats-link.ts',
    express: 'express.ts',
    fastify: 'fastify.ts',
  },
  node: {
    '@fastify/swagger': 'http',
    '@fastify/type-provider-typebox': 'http',
    '@marcbachmann/cel-js': 'playbook',
    '@nats-io/jetstream': 'nats',
    '@nats-io/kv': 'nats',
    '@nats-io/transport-node': 'nats',
    ajv: 'playbook',
    commander: 'cli',
    'csv-parse': 'cli',
    fastify: 'http',
    lmdb: 'store',
    pino: 'telemetry',
    'prom-client': 'telemetry',
    typebox: 'http',
    yaml: 'playbook',
  },
}

/** The only files that may hand a callback to NATS: what it throws ends the connection's loop. */
const natsListeners = ['client/src/nats-link.ts', 'node/src/nats/connection.ts']

/** Folders of tests for what is no single module. */
const testFolders = new Set(['support', 'suites', 'simulation', 'scenarios', 'examples'])

const files = listFiles(root)
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const sources = files.filter((file) => /^(protocol|client|node)\/src\/.*\.ts$/.test(file))
const scripts = files.filter((file) => file.endsWith('.ts'))
const tests = files.filter((file) => file.endsWith('.test.ts'))

describe('every outside library', () => {
  it('is imported in one place of a workspace', () => {
    const strays = sources.flatMap((file) => {
      const [workspace = '', , ...inner] = file.split('/')
      return outsideLibraries(file)
        .filter((library) => homes[workspace]?.[library] !== inner[0])
        .map((library) => `${file}: ${library}`)
    })

    expect(strays).toEqual([])
  })

  it('that has a home is a dependency, and the other way round', () => {
    for (const [workspace, libraries] of Object.entries(homes)) {
      const manifest: unknown = JSON.parse(text(`${workspace}/package.json`))
      const declared = Object.keys(fieldOf(manifest, 'dependencies')).filter(isOutside)

      expect(Object.keys(libraries)).toEqual(expect.arrayContaining(declared))
    }
  })
})

describe('a file', () => {
  it('has at most 400 lines', () => {
    const long = scripts.filter((file) => !isTest(file) && text(file).split('\n').length > 400)

    expect(long).toEqual([])
  })

  it('is not named after what everything is', () => {
    const vague = scripts.filter((file) =>
      /\b(utils?|helpers?|misc|common|managers?|types|constants)\b/.test(basename(file)),
    )

    expect(vague).toEqual([])
  })

  it('is an index only where a package ends', () => {
    const indexes = sources.filter((file) => basename(file) === 'index.ts')

    expect(indexes).toEqual(['client/src/index.ts', 'protocol/src/index.ts'])
  })

  it('lies at most three folders deep', () => {
    const deep = sources.filter((file) => file.split('/').length > 6)

    expect(deep).toEqual([])
  })

  it('exports names one by one', () => {
    expect(linesOf(sources, /^export \*/)).toEqual([])
  })

  it('does not silence the compiler', () => {
    expect(linesOf(scripts, /@ts-(ignore|nocheck)/)).toEqual([])
  })

  it('leaves no reminders', () => {
    expect(linesOf(scripts, new RegExp('\\b(TO' + 'DO|FIX' + 'ME|XX' + 'X)\\b'))).toEqual([])
  })

  it('tells nothing of the machine it was written on', () => {
    const places = [
      '/work' + '/',
      '/root' + '/',
      '/home' + '/',
      'registry' + '.npmjs',
      'npmjs' + '.',
    ]

    const telling = files.filter((file) => places.some((place) => text(file).includes(place)))

    expect(telling).toEqual([])
  })
})

describe('a test', () => {
  it('stands where what it tests stands', () => {
    const lost = tests.filter((file) => {
      const [workspace = '', , ...inner] = dirname(file).split('/')
      if (inner.some((folder) => testFolders.has(folder))) return false
      const tested = [join(workspace, 'src', ...inner), join(workspace, ...inner)]
      return !tested.some((folder) => existsSync(join(root, folder)))
    })

    expect(lost).toEqual([])
  })
})

describe('the core', () => {
  it('promises nothing: it is synchronous', () => {
    const core = sources.filter((file) => file.startsWith('node/src/core/'))

    expect(linesOf(core, /\b(async|await|Promise)\b/)).toEqual([])
  })
})

describe('the process and its environment', () => {
  it('are known to the main file of a node alone', () => {
    const inner = sources.filter(
      (file) => file.startsWith('node/src/') && file !== 'node/src/main.ts',
    )

    expect(linesOf(inner, /\bprocess\.(env|argv|exit|on|stdin|stdout|stderr)\b/)).toEqual([])
  })
})

describe('a callback for NATS', () => {
  it('is handed over only where what it throws is caught', () => {
    const others = scripts.filter((file) => !natsListeners.includes(file) && !isTest(file))

    expect(linesOf(others, /\bcallback\b/)).toEqual([])
  })

  it.each(natsListeners)('is handed over once in %s, around a try', (file) => {
    expect(linesOf([file], /\bcallback\b/)).toHaveLength(1)
    expect(text(file)).toMatch(
      /callback: \(error, message\) => \{\s+(if \(error\) return\s+)?try \{/,
    )
  })

  it('is the only way to listen', () => {
    const others = sources.filter((file) => !natsListeners.includes(file))

    expect(linesOf(others, /\.subscribe\(/)).toEqual([])
  })
})

describe('the lock file', () => {
  it('names no addresses of a registry', () => {
    expect(text('package-lock.json')).not.toMatch(/"resolved": "[a-z+]+:/)
  })
})

function text(file: string): string {
  const found = texts.get(file)
  if (found === undefined) throw new Error(`${file} is no file of the repository`)
  return found
}

/** Lines of code that match, with their place; comments are left out. */
function linesOf(where: readonly string[], pattern: RegExp): string[] {
  return where.flatMap((file) =>
    text(file)
      .split('\n')
      .map((line, index) => ({
        line: line.replace(/(^|\s)(\/\/|\/?\*).*$/, ''),
        number: index + 1,
      }))
      .filter(({ line }) => pattern.test(line))
      .map(({ line, number }) => `${file}:${number}: ${line.trim()}`),
  )
}

function outsideLibraries(file: string): string[] {
  const imports = text(file).matchAll(/(?:\bfrom |\bimport |\bimport\()'([\w@][\w@./-]*)'/g)
  return [...imports].map(([, name = '']) => libraryOf(name)).filter(isOutside)
}

function libraryOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function isOutside(library: string): boolean {
  return !library.startsWith('node:') && !library.startsWith('@halfsecond/')
}

function isTest(file: string): boolean {
  return file.split('/').includes('test')
}

function fieldOf(value: unknown, name: string): object {
  const field: unknown = Object.entries(Object(value)).find(([key]) => key === name)?.[1]
  return Object(field)
}

/** Text files of the repository, relative to its root, sorted. */
function listFiles(folder: string): string[] {
  const skipped = new Set(['.git', 'node_modules', 'dist', 'data', 'coverage', 'report'])
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listFiles(path)
      return entry.isFile() && isText(entry.name) ? [relative(root, path).split(sep).join('/')] : []
    })
    .sort()
}

function isText(name: string): boolean {
  const endings = [
    '',
    '.ts',
    '.js',
    '.json',
    '.md',
    '.yaml',
    '.yml',
    '.conf',
    '.html',
    '.grit',
    '.mod',
  ]
  return endings.includes(extname(name))
}

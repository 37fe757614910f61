import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'

/** A first build downloads and compiles for minutes; one that takes longer than this hangs. */
const buildMaxMs = 20 * 60_000

const reportEveryMs = 5_000

export interface Build {
  readonly name: string
  readonly module: string
  readonly packagePath: string
  readonly version: string
  /** Where the program ends up, whole or not at all. */
  readonly path: string
}

/**
 * Builds a program with Go, telling its progress on stderr. Safe to run twice at once: each builds
 * to a name of its own and the last one wins.
 */
export async function buildTool(build: Build): Promise<void> {
  await mkdir(dirname(build.path), { recursive: true })
  const part = `${build.path}.${process.pid}.part`
  try {
    await compile(build, part)
    await rename(part, build.path)
  } finally {
    await rm(part, { force: true })
  }
}

async function compile(build: Build, output: string): Promise<void> {
  const started = performance.now()
  const title = `${build.name} ${build.version}`
  const progress = { modules: 0, packages: 0 }
  const complaints: string[] = []
  const seconds = () => Math.round((performance.now() - started) / 1_000)

  say(`${title}: building it once into ${build.path}`)
  const go = spawn(
    'go',
    ['build', '-v', '-trimpath', '-ldflags=-s -w', '-o', output, build.packagePath],
    {
      cwd: build.module,
      // No C compiler needed, and a binary that runs on any libc.
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: buildMaxMs,
    },
  )
  createInterface({ input: go.stderr }).on('line', (line) => {
    if (line.startsWith('go: downloading ')) progress.modules++
    else if (/^[\w./-]+$/.test(line)) progress.packages++
    else complaints.push(line)
  })
  const timer = setInterval(() => {
    const { modules, packages } = progress
    say(`${title}: ${modules} modules fetched, ${packages} packages compiled, ${seconds()} s`)
  }, reportEveryMs)

  try {
    await succeeded(go)
  } catch (error) {
    throw new Error([`${title}: go build failed`, ...complaints.slice(-20)].join('\n'), {
      cause: error,
    })
  } finally {
    clearInterval(timer)
  }
  say(`${title}: ready after ${seconds()} s`)
}

function succeeded(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(signal === null ? `exit code ${code}` : `ended by ${signal}`))
    })
  })
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

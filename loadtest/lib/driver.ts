import { type ChildProcess, type ForkOptions, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { isFields } from '@halfsecond/protocol'
import { nodeFlags } from '../../node/src/node-flags.ts'

/*
 * Drivers are processes of their own, so that what makes the load does not slow what bears it. A
 * driver is started with its options as one JSON argument and sends one map of numbers back.
 */

export type Options = { readonly [name: string]: string | number }
export type Result = { readonly [name: string]: number }

/** A driver that says nothing for this much longer than its run is stuck. */
const graceMs = 120_000

export interface Driver {
  /** Rejects where the driver fails or hangs. */
  readonly ended: Promise<Result>
  /** What it measured since it was last asked, of a driver that is `askable`. Rejects where it ends. */
  ask(): Promise<Result>
  /** Asks it to end before its time. */
  finish(): void
}

/** Runs `loadtest/drivers/<name>.ts`. Rejects where it fails or hangs. */
export function runDriver(name: string, options: Options): Promise<Result> {
  return startDriver(name, options).ended
}

/** Starts a driver that is ended by `finish`, at the latest after its `seconds`. */
export function startDriver(name: string, options: Options): Driver {
  return started(name, options)
}

/**
 * As `startDriver`, for one that runs for long and measures what is rare: it has room for what it
 * throws away, as its own collections would count as waiting for an answer.
 */
export function startRoomy(name: string, options: Options): Driver {
  return started(name, options, { flags: roomy })
}

/** Some 10 s of garbage at 300 clicks a second. */
const roomy = ['--min-semi-space-size=64', '--max-semi-space-size=64']

/**
 * As `startDriver`, for one that stands for machines of their own: it gets what processor time
 * nobody else wants, all its threads, where the system knows such a class.
 */
export function startBackground(name: string, options: Options): Driver {
  const idle = ['--idle', '0']
  const isKnown = spawnSync('chrt', [...idle, 'true']).status === 0
  return started(name, options, isKnown ? { by: ['chrt', ...idle] } : {})
}

interface How {
  /** A command that starts another one. */
  readonly by?: readonly string[]
  /** Of Node.js, besides those of a node. */
  readonly flags?: readonly string[]
}

function started(name: string, options: Options, { by = [], flags = [] }: How = {}): Driver {
  const path = new URL(`../drivers/${name}.ts`, import.meta.url)
  const [execPath, ...execArgv] = [...by, process.execPath, ...nodeFlags, ...flags]
  const how = { execPath, execArgv, stdio: ['ignore', 2, 2, 'ipc'] } satisfies ForkOptions
  const child = fork(path, [JSON.stringify(options)], how)
  const ended = endOf(child, name, options)
  const ask = async () => {
    const answer = once(child, 'message')
    child.send('ask')
    const [result] = await Promise.race([answer, ended.then(() => [])])
    if (!isResult(result)) throw new Error(`driver ${name} did not say what it measured`)
    return result
  }
  return { ended, ask, finish: () => void (child.connected && child.send('finish')) }
}

function endOf(child: ChildProcess, name: string, options: Options): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    let result: Result | undefined
    const seconds = typeof options.seconds === 'number' ? options.seconds : 0
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1_000 + graceMs)
    child.on('message', (message: unknown) => {
      if (isResult(message)) result = message
    })
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      if (result !== undefined) resolve(result)
      else reject(new Error(`driver ${name} ended with ${signal ?? code} and without a result`))
    })
  })
}

/** Lets whoever started this driver `ask`: `measured` gives what was measured since the last time. */
export function askable(measured: () => Result): void {
  process.on('message', (message) => {
    if (message === 'ask') process.send?.(measured())
  })
}

/** Aborted when whoever started this driver asks it to end. */
export function finishing(): AbortSignal {
  const over = new AbortController()
  process.on('message', (message) => {
    if (message === 'finish') over.abort()
  })
  return over.signal
}

/** The options that this driver was started with. From now on it ends with whoever started it. */
export function driverOptions(): Options {
  process.once('disconnect', () => process.exit(1))
  const value: unknown = JSON.parse(process.argv[2] ?? '{}')
  if (isFields(value) && Object.values(value).every(isOption))
    return Object.fromEntries(entriesOf(value))
  throw new TypeError('a driver is started with its options as JSON')
}

export function textOption(options: Options, name: string): string {
  const value = options[name]
  if (typeof value !== 'string') throw new TypeError(`the driver needs the text ${name}`)
  return value
}

export function numberOption(options: Options, name: string): number {
  const value = options[name]
  if (typeof value !== 'number') throw new TypeError(`the driver needs the number ${name}`)
  return value
}

/** Sends the result and ends the driver. */
export function sendResult(result: Result): void {
  process.send?.(result, () => process.exit(0))
}

function isOption(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

function entriesOf(value: object): [string, string | number][] {
  return Object.entries(value).filter((entry): entry is [string, string | number] =>
    isOption(entry[1]),
  )
}

function isResult(value: unknown): value is Result {
  return isFields(value) && Object.values(value).every((one) => typeof one === 'number')
}

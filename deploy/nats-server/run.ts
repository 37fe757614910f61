import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { natsServerPath } from '../tools.ts'

/** A server with a large log to check takes seconds to start; one that takes longer hangs. */
const startMaxMs = 60_000

/** After this, a server that was asked to stop is killed. */
const stopMaxMs = 15_000

export interface NatsServerOptions {
  /** Where streams are kept. Created if absent; never removed. */
  readonly storeDir: string
  /** 0, the default: one that is free. */
  readonly port?: number
  readonly config?: string
  /** Further arguments, like those that make it one of a cluster. */
  readonly args?: readonly string[]
}

export const developmentConfig = join(import.meta.dirname, 'development.conf')

/**
 * Starts a real nats-server on 127.0.0.1 and resolves once it takes connections. It ends with this
 * process, however that ends.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const server = new NatsServer(await natsServerPath(), options)
  await server.start()
  return server
}

export class NatsServer {
  private readonly program: string
  private readonly storeDir: string
  private readonly config: string
  private readonly args: readonly string[]
  /** 0 until the server has chosen one; then kept for ever. */
  private chosenPort: number
  private child: ChildProcess | undefined
  private exited: Promise<void> = Promise.resolve()

  constructor(program: string, options: NatsServerOptions) {
    this.program = program
    this.storeDir = options.storeDir
    this.config = options.config ?? developmentConfig
    this.args = options.args ?? []
    this.chosenPort = options.port ?? 0
  }

  get port(): number {
    return this.chosenPort
  }

  get url(): string {
    return `nats://127.0.0.1:${this.chosenPort}`
  }

  /** Of the running server: another one after each start. */
  get pid(): number {
    const pid = this.child?.pid
    if (pid === undefined) throw new Error('nats-server does not run')
    return pid
  }

  async start(): Promise<void> {
    if (this.child !== undefined) throw new Error('nats-server runs already')
    await mkdir(this.storeDir, { recursive: true })
    const port = this.chosenPort === 0 ? '-1' : String(this.chosenPort)
    const child = spawn(
      this.program,
      ['-c', this.config, '-a', '127.0.0.1', '-p', port, '-sd', this.storeDir, ...this.args],
      // A process group of its own: Ctrl-C is for whoever started it, who stops things in order.
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    )
    this.child = child
    const guard = guardOf(child)
    this.exited = new Promise((resolve) => {
      child.once('close', () => {
        guard?.kill('SIGKILL')
        if (this.child === child) this.child = undefined
        resolve()
      })
    })
    this.chosenPort = await portOnceReady(child)
  }

  /** Resolves once the process is gone. With SIGKILL it is a crash; by default an orderly stop. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { child } = this
    if (child === undefined) return
    child.kill(signal)
    // A paused process takes no notice of SIGTERM until it goes on.
    child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMaxMs)
    await this.exited
    clearTimeout(timer)
  }

  /** The server stays, but says nothing until `resume`. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Stops it if it runs, and starts it on the same port and folder. */
  async restart(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.stop(signal)
    await this.start()
  }
}

/**
 * A process that waits for the end of its input, which comes when we end, and then kills the
 * server: a test process that is killed leaves nothing behind.
 */
function guardOf(server: ChildProcess): ChildProcess | undefined {
  if (server.pid === undefined) return undefined
  const guard = spawn('sh', ['-c', 'read -r _; kill -9 "$0"', String(server.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  return guard
}

/** The port in the server's own words: asking the system for a free one would be a race. */
function portOnceReady(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const lines: string[] = []
    let port = 0
    const fail = (why: string) => {
      clearTimeout(timer)
      reject(new Error([`nats-server ${why}`, ...lines.slice(-20)].join('\n')))
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`was not ready within ${startMaxMs / 1_000} s`)
    }, startMaxMs)
    child.once('error', (error) => fail(`could not be started: ${error.message}`))
    child.once('close', () => fail('ended before it was ready'))
    if (child.stderr === null) return
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (port !== 0 && line.endsWith('Server is ready')) {
        clearTimeout(timer)
        resolve(port)
      }
      const found = /Listening for client connections on \S+:(\d+)$/.exec(line)?.[1]
      if (found !== undefined) port = Number(found)
      if (lines.length < 200) lines.push(line)
    })
  })
}

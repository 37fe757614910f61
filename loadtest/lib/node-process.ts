import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { isFields } from '@halfsecond/protocol'
import { nodeFlags } from '../../node/src/node-flags.ts'

/** Signs the tokens of a load test; clients on nats:// check them with the same. */
export const tokenKeys = `load:${Buffer.alloc(32, 7).toString('base64')}`

/** A node takes this long to start at most, a million visitors in its store included. */
const startMaxMs = 180_000

/** A node that was asked to stop hands its shards over and writes what it holds; then it is killed. */
const stopMaxMs = 60_000

/** The program of the code that this file belongs to. */
export const ownProgram = new URL('./node-child.ts', import.meta.url)

export interface NodeProcessOptions {
  readonly natsUrl: string
  readonly dataDir: string
  readonly id: string
  /** Other settings of the node. */
  readonly env?: { readonly [name: string]: string }
  /** Flags of Node.js itself. */
  readonly execArgv?: readonly string[]
}

/** A real node as a process of its own, which can be killed, paused and started again. */
export class NodeProcess {
  readonly id: string
  private readonly options: NodeProcessOptions
  private child: ChildProcess | undefined
  private addresses = { url: '', adminUrl: '' }

  constructor(options: NodeProcessOptions) {
    this.options = options
    this.id = options.id
  }

  /** Of the public port; kept over restarts, so that clients over HTTP find the node. */
  get url(): string {
    return this.addresses.url
  }

  get adminUrl(): string {
    return this.addresses.adminUrl
  }

  /** While it runs. */
  get pid(): number {
    const pid = this.child?.pid
    if (pid === undefined) throw new Error(`node ${this.id} does not run`)
    return pid
  }

  get isRunning(): boolean {
    return this.child !== undefined
  }

  /**
   * Milliseconds until the node answered.
   * @param env settings of this start only, before the others
   * @param program another version's `node-child.ts`
   */
  async start(env: NodeProcessOptions['env'] = {}, program = ownProgram): Promise<number> {
    const started = performance.now()
    const { natsUrl, dataDir, id, execArgv = [] } = this.options
    const child = fork(program, {
      stdio: ['ignore', 2, 2, 'ipc'],
      execArgv: [...nodeFlags, ...execArgv],
      env: {
        ...process.env,
        HALFSECOND_NATS_URL: natsUrl,
        HALFSECOND_TOKEN_KEYS: tokenKeys,
        HALFSECOND_LOG_LEVEL: 'error',
        HALFSECOND_DATA: dataDir,
        HALFSECOND_PORT: portIn(this.addresses.url),
        HALFSECOND_ADMIN_PORT: portIn(this.addresses.adminUrl),
        HALFSECOND_NODE_ID: id,
        ...this.options.env,
        ...env,
      },
    })
    this.child = child
    child.once('exit', () => {
      if (this.child === child) this.child = undefined
    })
    this.addresses = await addressesOf(child)
    return performance.now() - started
  }

  /** Resolves with its exit code once the process is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const { child } = this
    if (child === undefined) return null
    const exited = once(child, 'exit')
    child.kill(signal)
    // A paused process takes no notice of SIGTERM until it goes on.
    if (signal === 'SIGTERM') child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMaxMs)
    const [code]: unknown[] = await exited
    clearTimeout(timer)
    return typeof code === 'number' ? code : null
  }

  /** The process stays, but does nothing until `resume`. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }
}

/** The same port again after a restart. */
function portIn(url: string): string {
  return url === '' ? '0' : new URL(url).port
}

function addressesOf(child: ChildProcess): Promise<{ url: string; adminUrl: string }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error('the node did not start in time'))
    }, startMaxMs)
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the node ended with ${code} before it was ready`))
    })
    child.once('message', (message: unknown) => {
      clearTimeout(timer)
      if (
        isFields(message) &&
        typeof message.url === 'string' &&
        typeof message.adminUrl === 'string'
      )
        resolve({ url: message.url, adminUrl: message.adminUrl })
      else reject(new Error('the node did not say where it listens'))
    })
  })
}

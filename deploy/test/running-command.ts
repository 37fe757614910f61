import { type ChildProcess, spawn } from 'node:child_process'

/** A command that runs this long hangs, and is killed with all that it started. */
const runMaxMs = 600_000

/** A command of a document, in a shell and an environment like a reader's. */
export interface CommandOptions {
  readonly cwd: string
  readonly env?: { readonly [name: string]: string }
}

export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly notes: string
}

/** Starts a command whose end is awaited elsewhere. */
export class RunningCommand {
  private readonly child: ChildProcess
  private readonly ended: Promise<number | null>
  private output = ''
  private notes = ''
  private onOutput: () => void = () => {}

  constructor(command: string, { cwd, env }: CommandOptions) {
    // A process group of its own, as a shell makes one: Ctrl-C goes to all of it.
    const child = spawn('sh', ['-c', command], {
      cwd,
      env: { ...plainEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    child.stdout.on('data', (chunk: Buffer) => {
      this.output += chunk.toString()
      this.onOutput()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.notes += chunk.toString()
    })
    this.child = child
    const timer = setTimeout(() => this.signal('SIGKILL'), runMaxMs)
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        clearTimeout(timer)
        resolve(code)
        this.onOutput()
      })
    })
  }

  async end(): Promise<Ended> {
    const code = await this.ended
    return { code, output: this.output, notes: this.notes }
  }

  /** The first group of what it has printed, once it matches. Rejects if it ends before. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.output)?.[1]
      if (found !== undefined) return found
      if (this.child.exitCode !== null)
        throw new Error(`it ended without ${pattern}: ${this.output}${this.notes}`)
      await new Promise<void>((resolve) => {
        this.onOutput = resolve
      })
    }
  }

  /** As Ctrl-C; resolves once nothing of it runs or holds its output. */
  async interrupt(): Promise<Ended> {
    this.signal('SIGINT')
    return this.end()
  }

  private signal(signal: 'SIGINT' | 'SIGKILL'): void {
    const { exitCode, pid } = this.child
    if (exitCode === null && pid !== undefined) process.kill(-pid, signal)
  }
}

/** Runs a command to its end. */
export function runCommand(command: string, options: CommandOptions): Promise<Ended> {
  return new RunningCommand(command, options).end()
}

/** What is set for this test run only must not reach a reader's command. */
function plainEnvironment(): { [name: string]: string | undefined } {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_|TEST$)/.test(name)),
  )
}

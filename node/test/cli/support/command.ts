import { Readable, Writable } from 'node:stream'
import { run } from '../../../src/cli/program.ts'

export interface Executed {
  readonly code: number
  readonly output: string
  readonly notes: string
}

export interface CommandOptions {
  readonly env?: { readonly [name: string]: string | undefined }
  readonly input?: string | Buffer
}

/** Runs a command line of `halfsecond` in this process, to its end. */
export function execute(args: readonly string[], options: CommandOptions = {}): Promise<Executed> {
  return new RunningCommand(args, options).ended
}

/** A command line of `halfsecond` that runs in this process until it is stopped. */
export class RunningCommand {
  readonly ended: Promise<Executed>
  private readonly stopping = new AbortController()
  private readonly watching = new Set<() => void>()
  private output = ''
  private notes = ''

  constructor(args: readonly string[], { env = {}, input = '' }: CommandOptions = {}) {
    const collect = (add: (text: string) => void) =>
      new Writable({
        write: (chunk, _encoding, done) => {
          add(String(chunk))
          for (const look of this.watching) look()
          done()
        },
      })
    const output = collect((text) => {
      this.output += text
    })
    const notes = collect((text) => {
      this.notes += text
    })
    const stdin = Readable.from(input.length === 0 ? [] : [Buffer.from(input)])
    const { signal: stopping } = this.stopping
    const around = { env, input: stdin, output, notes, isTerminal: false, stopping }
    this.ended = run(args, around).then((code) => ({
      code,
      output: this.output,
      notes: this.notes,
    }))
  }

  /** The first match of what was or will be printed. Rejects if the command ends without. */
  printed(wanted: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = wanted.exec(this.output)
        if (found === null) return
        this.watching.delete(look)
        resolve(found)
      }
      this.watching.add(look)
      look()
      void this.ended.then(({ code, output, notes }) => {
        if (this.watching.delete(look)) {
          reject(new Error(`ended with ${code} without ${wanted}:\n${output}\n${notes}`))
        }
      })
    })
  }

  stop(): Promise<Executed> {
    this.stopping.abort()
    return this.ended
  }
}

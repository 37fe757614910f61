import { readFileSync } from 'node:fs'
import {
  bounds,
  HalfsecondError,
  isFields,
  isProperties,
  nameFault,
  type Properties,
} from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'

/** What `connect` takes. Everything has a default. */
export interface ClientOptions {
  /** Name of the channel that this server is: `web`, `call`, … Stored with every record. Default: none. */
  readonly channel?: string
  /**
   * Default content by placement: a JSON file written by `halfsecond playbook defaults`, or its
   * content. Shown where no answer comes in time. Default: none, and `null` is shown.
   */
  readonly defaults?: string | Properties
  /** How long a decide may take, in milliseconds, at most 2,000. Default: HALFSECOND_DEADLINE_MS, else 400. */
  readonly deadlineMs?: number
  /** Bytes of records that may wait to be acknowledged before calls fail with `QUEUE_FULL`. Default: 8 MiB. */
  readonly queueBytes?: number
  /** Keys that tokens are checked with, as in HALFSECOND_TOKEN_KEYS, which is the default. */
  readonly tokenKeys?: string
  /** Told what goes wrong in the background, once per change of state. Default: nobody. */
  readonly onProblem?: (problem: HalfsecondError) => void
}

/** Options after checking, with defaults. */
export interface CompiledOptions {
  readonly channel: string | undefined
  readonly defaults: Properties
  readonly deadlineMs: number
  readonly queueBytes: number
  readonly tokenKeys: TokenKeys | undefined
  readonly onProblem: (problem: HalfsecondError) => void
}

/** @throws HalfsecondError `INVALID`, naming the option */
export function compileOptions(options: ClientOptions, env: NodeJS.ProcessEnv): CompiledOptions {
  const {
    channel,
    defaults,
    deadlineMs = Number(env.HALFSECOND_DEADLINE_MS || 400),
    queueBytes = 8 * 1024 * 1024,
    onProblem = () => {},
  } = options
  if (channel !== undefined) {
    const fault = nameFault('channel', channel)
    if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
  }
  if (!(deadlineMs > 0 && deadlineMs <= bounds.deadlineMs)) {
    throw new HalfsecondError('INVALID', `deadlineMs is above 0 and at most ${bounds.deadlineMs}`)
  }
  if (!(queueBytes >= bounds.frameBytes)) {
    throw new HalfsecondError('INVALID', `queueBytes is at least ${bounds.frameBytes}, one batch`)
  }
  const keys = options.tokenKeys ?? env.HALFSECOND_TOKEN_KEYS
  return {
    channel,
    defaults: typeof defaults === 'string' ? readDefaults(defaults) : (defaults ?? {}),
    deadlineMs,
    queueBytes,
    tokenKeys: keys === undefined || keys === '' ? undefined : new TokenKeys(keys),
    onProblem: quiet(onProblem),
  }
}

/** What a caller's function throws must not end the work that it is told of. */
function quiet(tell: (problem: HalfsecondError) => void): (problem: HalfsecondError) => void {
  return (problem) => {
    try {
      tell(problem)
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown)
      process.emitWarning(`onProblem threw: ${text}`, { type: 'HalfsecondWarning' })
    }
  }
}

function readDefaults(path: string): Properties {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (isFields(value) && isProperties(value)) return value
  } catch (cause) {
    throw new HalfsecondError(
      'INVALID',
      `cannot read the defaults file ${path}; write one with: halfsecond playbook defaults PLAYBOOK > ${path}`,
      { cause },
    )
  }
  throw new HalfsecondError('INVALID', `${path} is not a defaults file: { "<placement>": content }`)
}

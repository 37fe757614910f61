import { spawn } from 'node:child_process'
import { isFields } from '@halfsecond/protocol'
import { k6Path } from '../../deploy/tools.ts'

const script = new URL('../scripts/click-to-content.ts', import.meta.url)

/** k6's exit code where a threshold was crossed: the run itself is good. */
const crossed = 99

/** A part of a run, whose latencies are told apart. */
export interface Phase {
  readonly name: string
  readonly seconds: number
}

export interface PhaseRun {
  readonly name: string
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface K6Run {
  readonly p50: number
  readonly p99: number
  readonly iterations: number
  readonly missed: number
  /** Answers that said they were fresh, and those of them without the click. */
  readonly fresh: number
  readonly freshMissed: number
  readonly dropped: number
  readonly phases: readonly PhaseRun[]
  /** Whether every threshold of the script was kept. */
  readonly isHeld: boolean
}

/** Runs the click-to-content script against nodes. Rejects where k6 itself fails. */
export async function runK6(
  urls: readonly string[],
  rate: number,
  phases: readonly Phase[],
): Promise<K6Run> {
  const settings = {
    URLS: urls.join(),
    RATE: String(rate),
    PHASES: phases.map(({ name, seconds }) => `${name}:${seconds}`).join(),
  }
  const child = spawn(
    await k6Path(),
    [
      'run',
      '--quiet',
      '--no-usage-report',
      ...Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
      script.pathname,
    ],
    // Crossed thresholds are told by the exit code; k6's own lines about them would repeat it.
    {
      env: { ...process.env, K6_AUTO_EXTENSION_RESOLUTION: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  let notes = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    notes = (notes + chunk.toString()).slice(-4_000)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0 && code !== crossed) throw new Error(`k6 ended with ${code}: ${notes}`)
  return { ...readSummary(output, phases), isHeld: code === 0 }
}

function readSummary(output: string, phases: readonly Phase[]): Omit<K6Run, 'isHeld'> {
  const summary: unknown = JSON.parse(output)
  const metrics = isFields(summary) && isFields(summary.metrics) ? summary.metrics : {}
  const read = (metric: string, value: string): number => {
    const one = metrics[metric]
    const values = isFields(one) && isFields(one.values) ? one.values : {}
    return Number(values[value])
  }
  return {
    p50: read('click_to_content', 'med'),
    p99: read('click_to_content', 'p(99)'),
    iterations: read('iterations', 'count'),
    missed: read('last_click_missed', 'count'),
    fresh: read('fresh', 'count'),
    freshMissed: read('fresh_missed', 'count'),
    dropped: read('dropped_iterations', 'count'),
    phases: phases.map(({ name }) => {
      const metric = `click_to_content{phase:${name}}`
      return {
        name,
        p50: read(metric, 'med'),
        p99: read(metric, 'p(99)'),
        max: read(metric, 'max'),
      }
    }),
  }
}

import { connect } from '@halfsecond/client'
import {
  askable,
  driverOptions,
  finishing,
  numberOption,
  type Result,
  sendResult,
  textOption,
} from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'
import { atRate } from '../lib/pace.ts'
import { drawOf } from '../lib/visitors.ts'

/*
 * A click and the content after it, at a rate: the answer must reflect the click. Measured from the
 * intended start, until the content is there.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), { channel: 'web' })
await client.ready(30_000)
const visitors = numberOption(options, 'visitors')
const { deadlineMs = 400 } = options
const draw = drawOf('uniform', visitors)
let latencies = new Latencies()
let missed = 0
let errors = 0
let started = 0
const running = new Set<Promise<void>>()

async function click(intendedMs: number): Promise<void> {
  const visitor = client.visitor({ anon: `v${draw()}` })
  void visitor.track('pressed', { path: '/a' })
  const decision = await visitor.decide('side', { deadlineMs: Number(deadlineMs) })
  latencies.add(performance.now() - intendedMs)
  if (decision.error !== undefined) errors++
  else if (decision.offer !== 'seen') missed++
}

/** Since it was last called. */
function measured(): Result {
  const result = {
    started,
    missed,
    errors,
    p50: latencies.quantile(0.5),
    p99: latencies.quantile(0.99),
  }
  latencies = new Latencies()
  started = 0
  missed = 0
  errors = 0
  return result
}

askable(measured)
await atRate(
  numberOption(options, 'rate'),
  numberOption(options, 'seconds'),
  (intendedMs) => {
    started++
    const one = click(intendedMs).finally(() => running.delete(one))
    running.add(one)
  },
  finishing(),
)
await Promise.all(running)
await client.close()
sendResult(measured())

import { connect } from '@nats-io/transport-node'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'

/*
 * The peer of `decides`: bare NATS request and reply through the same server, with payloads of
 * the size of one question and one answer, and a responder that does nothing.
 */
const options = driverOptions()
const connection = await connect({ servers: textOption(options, 'url'), noAsyncTraces: true })
const question = new Uint8Array(180)
const seconds = numberOption(options, 'seconds')
const warmUpMs = 1_000
const from = performance.now() + warmUpMs
const until = from + seconds * 1_000
let answered = 0

async function ask(): Promise<void> {
  for (let now = performance.now(); now < until; now = performance.now()) {
    await connection.request('bare', question, { timeout: 5_000 })
    if (now >= from) answered++
  }
}

await Promise.all(Array.from({ length: numberOption(options, 'concurrency') }, ask))
await connection.close()
sendResult({ perSecond: answered / seconds })

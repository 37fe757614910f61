import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'

/*
 * Decides once for each of the visitors that `fill` made, at a fixed concurrency: whoever has the
 * three events sees more than default content.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), { channel: 'web' })
await client.ready(30_000)
const visitors = numberOption(options, 'visitors')
let next = 0
let wrong = 0

async function visitSome(): Promise<void> {
  while (next < visitors) {
    const { offer } = await client.visitor({ anon: `v${next++}` }).decide('hero')
    if (offer === undefined) wrong++
  }
}

await Promise.all(Array.from({ length: numberOption(options, 'concurrency') }, visitSome))
await client.close()
sendResult({ visited: visitors, wrong })

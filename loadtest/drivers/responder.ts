import { connect } from '@nats-io/transport-node'
import { driverOptions, textOption } from '../lib/driver.ts'

/** Answers requests on `bare` at once, until its parent ends it. */
const options = driverOptions()
const connection = await connect({ servers: textOption(options, 'url'), noAsyncTraces: true })
const answer = new Uint8Array(260)
const subscription = connection.subscribe('bare')
process.once('disconnect', () => process.exit(0))
process.send?.({ ready: 1 })
for await (const message of subscription) message.respond(answer)

// A call centre: a customer rings, the agent's screen shows what to say, and what became of it is
// known on every channel.
import { connect } from '@halfsecond/client'

const hs = connect(process.env.HALFSECOND_URL, {
  channel: 'call',
  defaults: { 'call.prompt': { say: 'Good day, how can I help you?' } },
})

const [customer = '4711'] = process.argv.slice(2)
const caller = hs.visitor({ crm: customer })

caller.setTraits({ tier: 'gold', manager: 'Maya' })
caller.track('complaint', { about: 'a charge abroad' })

const { propositions, reason, error } = await caller.decide('call.prompt')
for (const { content, offer } of propositions)
  console.log(`${offer ?? 'default'}: ${JSON.stringify(content)}`)
console.log(`because of ${reason}${error === undefined ? '' : `, ${error.message}`}`)

const [first] = propositions
await first.displayed()
await first.accepted()
console.log(`${first.offer ?? 'nothing'} was accepted`)

const next = await caller.decide('call.prompt')
console.log(`next: ${next.offer ?? 'default'}`)

await hs.close()

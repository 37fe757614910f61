// An e-mail: decided when it is sent, displayed and clicked days later, by whoever has the link.
import { createServer } from 'node:http'
import { connect, HalfsecondError } from '@halfsecond/client'

const hs = connect(process.env.HALFSECOND_URL, {
  channel: 'email',
  defaults: { 'email.top': { title: 'This week at Fernhill', link: '/new' } },
})

// The link of each message brings the token back.
const server = createServer(async (req, res) => {
  const token = new URL(req.url ?? '/', 'http://mail').searchParams.get('t') ?? ''
  try {
    await hs.outcome(token, 'click')
  } catch (error) {
    // A changed or expired link still leads somewhere: what failed is only the record.
    console.log(`not recorded: ${error instanceof HalfsecondError ? error.code : error}`)
  }
  res.writeHead(302, { location: '/' }).end()
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const origin = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`

const recipients = ['ann@example.org', 'ben@example.org']
for (const email of recipients) {
  const reader = hs.visitor({ email })
  await reader.setTraits({ tier: 'silver' })
  const { content, token, offer } = await reader.decide('email.top')
  console.log(`to ${email}: ${JSON.stringify(content)}`)

  // What a reader does, some day.
  if (token === undefined) continue
  await fetch(`${origin}/?t=${token}`, { redirect: 'manual' })
  console.log(`${email} clicked ${offer}`)
}
await fetch(`${origin}/?t=forged`, { redirect: 'manual' })

server.close()
await hs.close()

// A landing page: who comes by the link in an e-mail is known at once, in an unknown browser too.
import { connect } from '@halfsecond/client'
import { visitors } from '@halfsecond/client/express'
import express from 'express'

const url = process.env.HALFSECOND_URL
const mail = connect(url, { channel: 'email' })
const hs = connect(url, { channel: 'web', defaults: { 'web.hero': { title: 'Hello' } } })
const site = express().use(visitors(hs))

site.get('/', async (req, res) => {
  const token = req.query.t
  if (typeof token === 'string') req.visitor.landed(token) // this browser is that reader's: the decision below knows them
  const hero = await req.visitor.decide('web.hero')
  res.json(hero.content)
})

const server = site.listen(0, '127.0.0.1', async () => {
  const address = server.address()
  const origin = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`

  // The message: decided for its reader, and the link in it brings the token back.
  const reader = mail.visitor({ email: 'cleo@example.org' })
  await reader.setTraits({ tier: 'silver' })
  const { token } = await reader.decide('email.top')

  // Two browsers that never were here before.
  for (const link of [`${origin}/`, `${origin}/?t=${token}`]) {
    const page = await fetch(link)
    console.log(`${link.includes('t=') ? 'the reader' : 'a stranger'} sees ${await page.text()}`)
  }
  server.close()
  await Promise.all([mail.close(), hs.close()])
})

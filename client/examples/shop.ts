// A web shop: who is there, what they do, what to show. `./sessions.ts` is the shop's own.
import { join } from 'node:path'
import { connect } from '@halfsecond/client'
import { visitors } from '@halfsecond/client/express'
import express from 'express'
import { checkPassword, customerOf, endSession, startSession } from './sessions.ts'

const here = import.meta.dirname
const hs = connect(process.env.HALFSECOND_URL, {
  channel: 'web',
  defaults: join(here, 'defaults.json'),
})
const shop = express().set('view engine', 'ejs').set('views', join(here, 'views'))
shop.use(express.urlencoded({ extended: false }))
shop.use(visitors(hs, { user: customerOf })) // signed first-party cookie → anon:…, your login → user:…

shop.get('/', async (req, res) => {
  req.visitor.track('page', { path: req.path }) // not awaited: the decide below waits for it on the node
  const hero = await req.visitor.decide('web.hero') // never throws, never hangs: live, or default content + reason
  hero.displayed()
  res.render('home', { hero: hero.content, token: hero.token })
})

shop.get('/products/:sku', (req, res) => {
  const { sku } = req.params
  req.visitor.track('product_viewed', { sku, category: 'boots' })
  res.render('product', { sku })
})

shop.post('/login', async (req, res) => {
  const customer = await checkPassword(req.body)
  await req.visitor.identify({ user: customer.id, email: customer.email }) // this browser is now this customer
  startSession(res, customer)
  res.redirect('/')
})

shop.post('/logout', (req, res) => {
  req.visitor.reset()
  endSession(res)
  res.redirect('/')
})

shop.post('/offers/accept', async (req, res) => {
  await hs.outcome(req.body.token, 'accept') // durable when it resolves: gone from every channel's next answer
  res.redirect('/thanks')
})

shop.get('/thanks', (_req, res) => {
  res.render('thanks')
})

const server = shop.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object')
    console.log(`The shop is open at http://127.0.0.1:${address.port}`)
})
process.once('SIGTERM', () => server.close(() => void hs.close()))

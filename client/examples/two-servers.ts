// Two servers of one channel: the visitor's next request may reach another one than the last. The
// position makes that one's answer wait for what this one recorded.
import { connect } from '@halfsecond/client'

const [here, there] = [connect(process.env.HALFSECOND_URL), connect(process.env.HALFSECOND_URL)]

const visitor = here.visitor({ anon: `browser-${process.pid}` })
visitor.track('product_viewed', { sku: 'b1', category: 'boots' })
await visitor.track('product_viewed', { sku: 'b2', category: 'boots' }) // awaited: only then it has a position

// In a header, a hidden field, a message: it is a short text.
const { position } = visitor
console.log(`position: ${position}`)

const sameVisitor = there.visitor({ anon: `browser-${process.pid}` }, position)
const { content, offer, freshness } = await sameVisitor.decide('web.hero')
console.log(`${offer ?? 'default'}: ${JSON.stringify(content)}, ${freshness}`)

await Promise.all([here.close(), there.close()])

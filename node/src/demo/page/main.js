import { decide, explain, record, report } from './door.js'
import { byId, make, makeButton, milliseconds, words } from './elements.js'
import { Person } from './person.js'
import {
  Spot,
  showCaller,
  showFacts,
  showHappened,
  showNews,
  showShopPage,
  showSpeed,
  showStory,
} from './screens.js'
import { chargeRecords, pageRecords, products, signInRecords, viewRecords } from './shop.js'

/** @import { Answered, Proposition } from './door.js' */
/** @import { Product } from './shop.js' */

/** Each click: what it records, then what both screens show in their very next answer. */

const webPlacements = ['web.hero', 'web.side']
const agentPlacements = ['call.prompt']

let person = Person.recall()
/** Clicks are handled in order; each one waits for those before it. @type {Promise<unknown>} */
let handled = Promise.resolve()
/** Counts what was decided, so that what arrives late changes no newer answer. */
let round = 0

const hero = new Spot('web.hero', 'The banner', (proposition, outcome) =>
  respond('web', proposition, outcome),
)
const side = new Spot('web.side', 'The smaller banner', (proposition, outcome) =>
  respond('web', proposition, outcome),
)
const prompt = new Spot('call.prompt', 'The agent’s screen', (proposition, outcome) =>
  respond('call', proposition, outcome),
)
const spots = [hero, side, prompt]

/**
 * Handles one click.
 * @param {string} what as the list says it
 * @param {() => Promise<Answered<readonly string[]>>} write
 * @param {{ readonly isWeb: boolean, readonly offer?: string, readonly done?: () => void }} after
 *   `isWeb`: the web page is shown again, so its offers count as displayed. `offer`: what was answered
 */
function happen(what, write, { isWeb, offer, done }) {
  const clicked = performance.now()
  handled = handled.then(async () => {
    try {
      const written = await write()
      done?.()
      remember(written.answer)
      const shown = await showAnswers()
      const total = performance.now() - clicked
      showSpeed(total)
      showNews(offer === undefined ? newsOf(shown.changed) : newsOfOffer(offer))
      const times = `in the log after ${milliseconds(written.ms)}, web decided in ${milliseconds(shown.webMs)}, agent in ${milliseconds(shown.agentMs)}`
      showHappened(what, times, [written.exchange, ...shown.exchanges])
      person.keep()
      void explainAll(isWeb)
    } catch (error) {
      fail(error)
    }
  })
}

/** @param {readonly string[]} positions of records of the person's key, in order */
function remember(positions) {
  const newest = positions.at(-1)
  if (newest !== undefined) person.positions[person.key] = newest
}

/** Asks for both screens at once, and shows them. */
async function showAnswers() {
  round++
  const { identifiers, position } = person
  const [web, agent] = await Promise.all([
    decide(identifiers, webPlacements, position),
    decide(identifiers, agentPlacements, position),
  ])
  const answers = { ...web.answer, ...agent.answer }
  const changed = spots.filter((spot) => {
    const decision = answers[spot.placement]
    if (decision === undefined) throw new Error(`no answer for ${spot.placement}`)
    return spot.show(decision, spot === prompt ? agent.ms : web.ms)
  })
  showCaller(person)
  showStory(person)
  const exchanges = [web.exchange, agent.exchange]
  return { changed, webMs: web.ms, agentMs: agent.ms, exchanges }
}

/** Tells why, then what was displayed: a display changes what may be shown next. @param {boolean} isDisplayed */
async function explainAll(isDisplayed) {
  const mine = round
  const { key } = person
  try {
    const explanations = await Promise.all([
      explain(key, webPlacements),
      explain(key, agentPlacements),
    ])
    if (mine !== round) return
    for (const spot of spots)
      spot.explain(explanations.flat().find(({ placement }) => placement === spot.placement))
    showFacts(explanations[1][0]?.facts ?? {})
    const tokens = [hero, side].flatMap(({ decision }) => decision?.token ?? [])
    if (!isDisplayed || tokens.length === 0) return
    const { answer } = await report(tokens.map((token) => ({ token, outcome: 'display' })))
    const newest = answer.at(-1)
    if (newest !== undefined && mine === round) person.positions[key] = newest
  } catch (error) {
    fail(error)
  }
}

/** @param {readonly Spot[]} changed */
function newsOf(changed) {
  if (changed.length === 0) return 'Nothing changed on either screen.'
  return changed
    .map(({ place, offers }) => {
      const now = offers.length === 0 ? 'the default content' : offers.map(words).join(' and ')
      return `${place} turned to ${now}.`
    })
    .join(' ')
}

/** @param {string} offer that was accepted, declined or closed */
function newsOfOffer(offer) {
  return spots.some(({ offers }) => offers.includes(offer))
    ? `“${words(offer)}” is still offered: no rule of the playbook speaks against it.`
    : `“${words(offer)}” is gone from both screens.`
}

/** @param {unknown} error */
function fail(error) {
  const reason = error instanceof Error ? error.message : String(error)
  showNews(`No answer: ${reason}. Is halfsecond still running?`, true)
}

/** @param {string} path @param {string} name */
function visit(path, name) {
  showShopPage(path, undefined)
  happen(`Opened ${name} in the shop`, () => record(pageRecords(person, path)), {
    isWeb: true,
    done: () => {
      if (path.startsWith('/help') && person.isSignedIn) person.hasLookedForHelp = true
    },
  })
}

/** @param {Product} product */
function view(product) {
  showShopPage(`/${product.category}/${product.sku}`, product)
  happen(`Looked at ${product.name}`, () => record(viewRecords(person, product)), {
    isWeb: true,
    done: () => {
      if (product.category === 'boots') person.bootsSeen++
    },
  })
}

function signIn() {
  happen('Signed in as Anna', () => record(signInRecords(person)), {
    isWeb: true,
    done: () => {
      person.isSignedIn = true
    },
  })
}

function charge() {
  happen('Her card was charged £82 for £75, abroad', () => record(chargeRecords(person)), {
    isWeb: false,
    done: () => {
      person.isCharged = true
    },
  })
}

/** @param {'web' | 'call'} channel @param {Proposition} proposition @param {'accept' | 'reject' | 'dismiss'} outcome */
function respond(channel, { token, offer = '' }, outcome) {
  if (token === undefined) return
  const past = { accept: 'Accepted', reject: 'Declined', dismiss: 'Closed' }[outcome]
  const where = channel === 'web' ? 'on the web' : 'on the phone'
  happen(`${past} “${words(offer)}” ${where}`, () => report([{ token, outcome }]), {
    isWeb: false,
    offer,
    done: () => {
      if (outcome === 'accept' && offer === 'your-manager') person.hasAccepted = true
    },
  })
}

/** Shows what is known already. Writes nothing. */
function start() {
  showShopPage('/', undefined)
  showCaller(person)
  showStory(person)
  handled = handled.then(async () => {
    try {
      await showAnswers()
      await explainAll(false)
    } catch (error) {
      fail(error)
    }
  })
}

function restart() {
  Person.forget()
  person = new Person()
  byId('happened').replaceChildren()
  byId('happened-none').hidden = false
  for (const card of document.querySelectorAll('.is-seen')) card.classList.remove('is-seen')
  byId('speed').textContent = '–'
  byId('speed-bar').style.inlineSize = '0'
  showNews('You are somebody new.')
  start()
}

for (const product of products) {
  const card = makeButton('', 'product', () => view(product))
  card.dataset.sku = product.sku
  card.dataset.category = product.category
  card.append(make('b', '', product.name), make('span', '', product.price))
  byId('products').append(card)
}
for (const link of byId('nav').querySelectorAll('button'))
  link.addEventListener('click', () => visit(link.dataset.path ?? '/', link.textContent))
byId('sign-in').addEventListener('click', signIn)
byId('charge').addEventListener('click', charge)
byId('restart').addEventListener('click', restart)
start()

import { byId, make, makeButton, milliseconds, words } from './elements.js'
import { story } from './person.js'

/** @import { Decision, Exchange, Explanation, Proposition } from './door.js' */
/** @import { Person } from './person.js' */
/** @import { Product } from './shop.js' */

/** What the two screens show: at each placement its content, how it was decided, and why. */

/** @typedef {(proposition: Proposition, outcome: 'accept' | 'reject' | 'dismiss') => void} Respond */

/** How the page says what became of a candidate. @type {{ [verdict: string]: string }} */
const verdicts = {
  chosen: 'shown',
  outranked: 'outranked',
  taken: 'shown beside',
  content: 'incomplete',
  when: 'not now',
  never: 'held back',
  limit: 'not again',
  strict: 'not now',
  consent: 'no consent',
}

/** A placement on a screen. */
export class Spot {
  /** @type {Decision | undefined} */
  decision
  content = make('div', 'content')
  meta = make('ul', 'meta')
  sentence = make('p', 'sentence')
  candidates = make('ul', 'candidates')

  /**
   * @param {string} placement
   * @param {string} place as the page calls it
   * @param {Respond} respond
   */
  constructor(placement, place, respond) {
    this.placement = placement
    this.place = place
    this.respond = respond
    this.meta.setAttribute('aria-label', `How ${placement} was decided`)
    const why = make('details', 'why', make('summary', '', 'Why this?'))
    why.append(this.sentence, this.candidates)
    const root = byId(placement)
    root.append(this.content, this.meta, why)
  }

  /** The offers that are shown, best first. */
  get offers() {
    return (this.decision?.propositions ?? []).flatMap(({ offer }) => offer ?? [])
  }

  /** @param {Decision} decision @param {number} ms @returns {boolean} whether the content is another */
  show(decision, ms) {
    const before = JSON.stringify(this.decision?.propositions.map(({ content }) => content))
    const after = JSON.stringify(decision.propositions.map(({ content }) => content))
    const isNew = this.decision !== undefined && before !== after
    this.decision = decision
    this.replace(decision.propositions.map((one) => this.piece(one)))
    const { offer, reason, freshness, playbook, error } = decision
    const chips = [
      make('li', offer ? 'chip offer' : 'chip', offer ? this.offers.join(', ') : 'default content'),
      make('li', 'chip', `reason: ${reason}`),
      make('li', `chip ${freshness}`, freshness),
      make('li', 'chip ms', milliseconds(ms)),
      make('li', 'chip', `playbook ${playbook}`),
    ]
    if (error) chips.push(make('li', 'chip stale', error.message))
    this.meta.replaceChildren(...chips)
    if (isNew) this.flash()
    return isNew
  }

  /** @param {Explanation | undefined} explanation */
  explain(explanation) {
    this.sentence.textContent = explanation?.sentence ?? ''
    const candidates = explanation?.candidates ?? []
    this.candidates.replaceChildren(
      ...candidates.map(({ offer, verdict, reason }) =>
        make(
          'li',
          `candidate ${verdict}`,
          make('b', '', words(offer)),
          make('span', 'verdict', verdicts[verdict] ?? verdict),
          make('code', '', reason),
        ),
      ),
    )
  }

  /** @param {Proposition} proposition */
  piece(proposition) {
    const { content, offer } = proposition
    const isBanner = content.say === undefined
    const text = content.title ?? content.say ?? JSON.stringify(content)
    const piece = make('div', 'piece', make('p', 'text', String(text)))
    if (offer === undefined) return piece
    const yes = makeButton(isBanner ? 'Yes, please' : 'She accepts', 'yes', () =>
      this.respond(proposition, 'accept'),
    )
    const no = makeButton(isBanner ? 'Close' : 'She declines', 'no', () =>
      this.respond(proposition, isBanner ? 'dismiss' : 'reject'),
    )
    for (const button of [yes, no]) {
      button.setAttribute('aria-label', `${button.textContent}: ${text}`)
      button.dataset.offer = offer
    }
    piece.append(make('div', 'responses', yes, no))
    return piece
  }

  /** Whoever stands here with the keyboard goes on here. @param {readonly Node[]} pieces */
  replace(pieces) {
    const isHere = this.content.contains(document.activeElement)
    this.content.replaceChildren(...pieces)
    if (!isHere) return
    const [first] = this.content.getElementsByTagName('button')
    this.content.tabIndex = -1
    const target = first ?? this.content
    target.focus()
  }

  flash() {
    this.content.classList.remove('is-new')
    // Reading a measure between the two makes the browser start the animation again.
    void this.content.offsetWidth
    this.content.classList.add('is-new')
  }
}

/** @param {Person} person */
export function showStory(person) {
  const { next } = person
  byId('steps').replaceChildren(
    ...story.map(({ step, title }) => {
      const isCurrent = step === next?.step
      const item = make('li', isCurrent ? 'current' : person.hasDone(step) ? 'done' : '', title)
      if (isCurrent) item.setAttribute('aria-current', 'step')
      return item
    }),
  )
  byId('hint').hidden = next === undefined
  byId('hint').textContent = next?.hint ?? ''
  byId('end').hidden = next !== undefined
  for (const element of document.querySelectorAll('button')) {
    const isNext = next !== undefined && element.matches(nextButtons[next.step])
    element.classList.toggle('is-next', isNext)
  }
}

/** Where each step of the story is clicked. */
const nextButtons = {
  boots: '.product[data-category="boots"]:not(.is-seen)',
  signIn: '#sign-in',
  charge: '#charge',
  help: '#nav [data-path^="/help"]',
  accept: '.yes[data-offer="your-manager"]',
}

/** @param {Person} person */
export function showCaller({ isSignedIn, user, anon }) {
  byId('caller').textContent = isSignedIn ? 'Anna Berg' : 'Somebody unknown'
  byId('caller-about').textContent = isSignedIn
    ? 'Gold customer since 2019 · her manager is Maya'
    : 'Nobody has signed in: the agent greets every caller alike.'
  byId('caller-key').textContent = isSignedIn ? `user:${user}` : `anon:${anon}`
  byId('account').textContent = isSignedIn ? 'Signed in as Anna' : 'Not signed in'
  const signIn = byId('sign-in')
  if (isSignedIn && signIn === document.activeElement) byId('account').focus()
  signIn.hidden = isSignedIn
  const charge = byId('charge')
  charge.toggleAttribute('disabled', !isSignedIn)
  byId('charge-note').textContent = isSignedIn
    ? 'Her bank sends it; no channel of the shop is involved.'
    : 'First sign in: the shop must know whose card it is.'
}

/** @param {Explanation['facts']} facts */
export function showFacts(facts) {
  byId('facts').replaceChildren(
    ...Object.entries(facts).map(([name, value]) =>
      make(
        'li',
        `fact is-${value}`,
        make('code', '', name),
        value === 'unknown' ? 'not known' : value ? 'yes' : 'no',
      ),
    ),
  )
}

/** @param {string} path @param {Product | undefined} product */
export function showShopPage(path, product) {
  byId('path').textContent = `fernhill.example${path}`
  byId('help').hidden = !path.startsWith('/help')
  for (const link of byId('nav').querySelectorAll('button')) {
    if (link.dataset.path === path) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  for (const card of document.querySelectorAll('.product')) {
    const isOpen = card instanceof HTMLElement && card.dataset.sku === product?.sku
    if (isOpen) card.classList.add('is-seen')
    if (isOpen) card.setAttribute('aria-current', 'true')
    else card.removeAttribute('aria-current')
  }
}

/**
 * @param {string} what @param {string} times
 * @param {readonly Exchange[]} exchanges
 */
export function showHappened(what, times, exchanges) {
  const details = make('details', 'requests', make('summary', '', 'Requests'))
  for (const { path, sent, answer } of exchanges) {
    details.append(make('p', '', `POST ${path}`))
    details.append(make('pre', '', JSON.stringify(sent, null, 2)))
    details.append(make('pre', 'answer', JSON.stringify(answer, null, 2)))
  }
  const time = make('time', '', new Date().toLocaleTimeString())
  const item = make('li', '', time, make('b', '', what), make('span', '', times), details)
  byId('happened').prepend(item)
  byId('happened-none').hidden = true
}

/** @param {string} text @param {boolean} [isError] */
export function showNews(text, isError = false) {
  byId('news').textContent = text
  byId('news').classList.toggle('error', isError)
}

/** @param {number} ms */
export function showSpeed(ms) {
  byId('speed').textContent = milliseconds(ms)
  byId('speed-bar').style.inlineSize = `${Math.min(100, Math.max(0.5, ms / 5))}%`
}

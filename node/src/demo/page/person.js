import { randomId } from './door.js'

/*
 * Who clicks: a browser that nobody knows, and a customer, Anna, who signs in with it. Made up anew
 * for every tab and remembered while it is open, so that a restarted node can show what it kept.
 */

/** @typedef {'boots' | 'signIn' | 'charge' | 'help' | 'accept'} Step */

/** The story, in order: what to do, and what to watch. */
export const story = /** @type {const} */ ([
  {
    step: 'boots',
    title: 'Look at boots',
    hint: 'Open two pairs of boots in the shop. Nobody knows this browser, yet what it did is enough.',
  },
  {
    step: 'signIn',
    title: 'Sign in',
    hint: 'Sign in. Anna is a gold customer without the store card, and the call centre now sees her too.',
  },
  {
    step: 'charge',
    title: 'A charge abroad',
    hint: 'Her bank reports a hotel that cost more than quoted. Nothing changes yet: she may not mind.',
  },
  {
    step: 'help',
    title: 'Look for help',
    hint: 'Open Help in the shop. Charged too much and looking for help: this is no moment to sell.',
  },
  {
    step: 'accept',
    title: 'Accept the offer',
    hint: 'Accept the offer of her manager, on either screen. It is gone from both in the next answer.',
  },
])

const storageKey = 'halfsecond-demo'

export class Person {
  anon = `demo-${randomId()}`
  user = `demo-anna-${randomId().slice(0, 8)}`
  isSignedIn = false
  bootsSeen = 0
  isCharged = false
  hasLookedForHelp = false
  hasAccepted = false
  /**
   * By identifier, where its newest record is: passed on, so that every answer reflects the last click.
   * @type {{ [identifier: string]: string }}
   */
  positions = {}

  /** The person of this tab, or a new one. */
  static recall() {
    const person = new Person()
    try {
      Object.assign(person, JSON.parse(sessionStorage.getItem(storageKey) ?? '{}'))
    } catch {
      // No storage, or somebody else's: a new person.
    }
    return person
  }

  keep() {
    try {
      sessionStorage.setItem(storageKey, JSON.stringify(this))
    } catch {
      // Without storage a reload begins with a new person.
    }
  }

  static forget() {
    try {
      sessionStorage.removeItem(storageKey)
    } catch {
      // Nothing was kept.
    }
  }

  /** Whom a record is about: the account once signed in, else the browser. */
  get key() {
    return this.isSignedIn ? `user:${this.user}` : `anon:${this.anon}`
  }

  /** What the shop knows the visitor by. @returns {{ [namespace: string]: string }} */
  get identifiers() {
    return this.isSignedIn ? { anon: this.anon, user: this.user } : { anon: this.anon }
  }

  get position() {
    return this.positions[this.key]
  }

  /** @param {Step} step */
  hasDone(step) {
    switch (step) {
      case 'boots':
        return this.bootsSeen >= 2 || this.isSignedIn
      case 'signIn':
        return this.isSignedIn
      case 'charge':
        return this.isCharged
      case 'help':
        return this.hasLookedForHelp && this.isCharged
      case 'accept':
        return this.hasAccepted
    }
  }

  /** The part of the story that comes next. */
  get next() {
    return story.find(({ step }) => !this.hasDone(step))
  }
}

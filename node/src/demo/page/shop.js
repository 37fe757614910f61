/** @import { NewRecord } from './door.js' */
/** @import { Person } from './person.js' */

/** What the shop sells, and what each click in it records. Each function gives the records of one click. */

/** @typedef {{ readonly sku: string, readonly category: string, readonly name: string, readonly price: string }} Product */

/** @type {readonly Product[]} */
export const products = [
  { sku: 'B-12', category: 'boots', name: 'Ridge boots', price: '£140' },
  { sku: 'B-40', category: 'boots', name: 'Moorland boots', price: '£165' },
  { sku: 'J-07', category: 'jackets', name: 'Gale jacket', price: '£210' },
]

/** @param {Person} person @param {string} path @returns {NewRecord[]} */
export function pageRecords({ key }, path) {
  return [{ kind: 'event', key, channel: 'web', name: 'page', properties: { path } }]
}

/** @param {Person} person @param {Product} product @returns {NewRecord[]} */
export function viewRecords({ key }, { sku, category }) {
  const properties = { sku, category }
  return [{ kind: 'event', key, channel: 'web', name: 'product_viewed', properties }]
}

/** The browser is this customer, and this is what the CRM knows of her. @param {Person} person @returns {NewRecord[]} */
export function signInRecords({ anon, user }) {
  const key = `user:${user}`
  return [
    { kind: 'link', key: `anon:${anon}`, to: key, strength: 'authenticated', channel: 'web' },
    { kind: 'traits', key, set: { tier: 'gold', manager: 'Maya' }, unset: [], source: 'crm' },
  ]
}

/** @param {Person} person @returns {NewRecord[]} */
export function chargeRecords({ user }) {
  const properties = { billed: 82, quoted: 75, foreign: true }
  return [{ kind: 'event', key: `user:${user}`, channel: 'bank', name: 'card_charged', properties }]
}

/** What must hold once everything has arrived. */
const laws = [
  'it comes to rest',
  'whoever is connected is one profile, under the greatest',
  'a copy is in one profile, and is the newest',
  'limits hold, and nothing else is refused',
  'an erase reaches all that are connected, and no others',
  'who was erased is named nowhere',
  'nothing is lost, nothing is there twice',
  'the same log gives the same state',
  'unmerge is exact',
  'who follows the signals knows the profiles',
] as const

export type Law = (typeof laws)[number]

export interface Violation {
  readonly law: Law
  readonly what: string
}

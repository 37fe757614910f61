import type { Fragment } from '../fragment/fragment.ts'
import { noTies, type Ties } from './ties.ts'

/** The fragment's ties; from now on it has some. */
export function tiesOf(fragment: Fragment): Ties {
  const ties = fragment.ties ?? noTies()
  fragment.ties = ties
  return ties
}

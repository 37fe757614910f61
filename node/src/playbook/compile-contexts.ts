import type { Context } from '../core/decision/playbook.ts'
import type { Compilation } from './compilation.ts'
import { didYouMean } from './faults.ts'

/** A context, and which offers it is about: one of them, or those of a group. */
export interface AboutOffers {
  readonly context: Context
  readonly group: string | undefined
  readonly offer: string | undefined
}

export function compileContexts(compilation: Compilation): readonly AboutOffers[] {
  const { source, document } = compilation
  return (source.context ?? []).map(({ when, group, offer, times }, index) => {
    const path = ['context', index]
    if ((group === undefined) === (offer === undefined))
      document.add(path, 'a context is about a group or about an offer: name one of them')
    const { groups = {}, offers = {} } = source
    if (group !== undefined && !Object.hasOwn(groups, group))
      document.add(
        [...path, 'group'],
        `no group "${group}"${didYouMean(group, Object.keys(groups))}`,
      )
    if (offer !== undefined && !Object.hasOwn(offers, offer))
      document.add(
        [...path, 'offer'],
        `no offer "${offer}"${didYouMean(offer, Object.keys(offers))}`,
      )
    const condition = compilation.condition([...path, 'when'], when)
    return { context: { index, condition, times }, group, offer }
  })
}

import { isLonger } from '@halfsecond/protocol'
import {
  type Catalogue,
  CatalogueFiller,
  type Item,
  isItem,
  itemFault,
  itemIdMax,
} from '../core/catalogue/catalogue.ts'
import { Selection } from '../core/catalogue/selection.ts'
import { compileItemValue } from '../core/condition/compile.ts'
import type { ConditionType } from '../core/condition/expression.ts'
import { offerOfItem } from '../core/features/feature-set.ts'
import { checkMatch } from './catalogue-match.ts'
import { parseCel } from './cel.ts'
import type { Compilation } from './compilation.ts'
import { fail } from './condition-error.ts'
import { conditionTypeOf } from './declarations.ts'
import { didYouMean } from './faults.ts'
import type { OfferSource } from './source.ts'

/** What an offer's name may take so that there is room for an item's id behind it. */
const templateNameMax = 64 - 1 - itemIdMax

/** What an offer is made from: which items, and what each of them is worth. */
export interface Stock {
  readonly selection: Selection
  readonly worth: (item: Item) => number
}

/** The fields that an offer may read of its item; undefined where it is made of none. */
export function itemFieldsOf(
  { from }: OfferSource,
  { source }: Compilation,
): ReadonlyMap<string, ConditionType> | undefined {
  if (from === undefined) return undefined
  const fields = Object.entries(source.catalogues?.[from]?.fields ?? {})
  return new Map(fields.map(([field, type]) => [field, conditionTypeOf(type)]))
}

/** Undefined for an offer of its own. Faults go to the document. */
export function compileStock(
  name: string,
  source: OfferSource,
  compilation: Compilation,
): Stock | undefined {
  const { from, match = '' } = source
  if (from === undefined) return undefined
  checkName(name, compilation)
  const catalogue = catalogueOf(name, from, compilation)
  const path = ['offers', name, 'match']
  const { checker } = compilation
  const checked = compilation.inText(path, match, () =>
    checker.item.within(itemFieldsOf(source, compilation), () =>
      checkMatch(parseCel(match), checker),
    ),
  )
  const worth = worthOf(name, source, compilation)
  return { selection: new Selection(catalogue, checked?.matches ?? [], worth), worth }
}

function checkName(name: string, { source, document }: Compilation): void {
  if (isLonger(name, templateNameMax))
    document.addAtKey(
      ['offers', name],
      `what is made from a catalogue has a name of at most ${templateNameMax} bytes: the ids of items stand behind it`,
    )
  for (const other of Object.keys(source.offers ?? {}))
    if (other.startsWith(offerOfItem(name, '')))
      document.addAtKey(['offers', other], `names like this are of the items of ${name}`)
}

function catalogueOf(name: string, from: string, compilation: Compilation): Catalogue {
  const { source, document, catalogues } = compilation
  const declared = source.catalogues?.[from]
  if (declared === undefined) {
    const known = Object.keys(source.catalogues ?? {})
    document.add(['offers', name, 'from'], `no catalogue "${from}"${didYouMean(from, known)}`)
  }
  const filler = new CatalogueFiller()
  declared?.examples?.forEach(({ id, ...values }, index) => {
    const item: unknown = { id, values }
    if (isItem(item)) filler.add(item)
    else document.add(['catalogues', from, 'examples', index], itemFault(item) ?? '')
  })
  return catalogues.get(from) ?? filler.finish()
}

/** V of each item. What it depends on must be known beforehand: items stand in its order. */
function worthOf(name: string, source: OfferSource, compilation: Compilation): Stock['worth'] {
  const { value = 1 } = source
  if (typeof value === 'number') return () => value
  const { checker } = compilation
  const path = ['offers', name, 'value']
  const fields = itemFieldsOf(source, compilation)
  const read = compilation.inText(path, value, () => {
    const node = parseCel(value)
    const checked = checker.item.within(fields, () => checker.number(node, false))
    const other = checked.reads.find(({ kind }) => kind !== 'item')
    if (other !== undefined)
      fail(
        node,
        `${other.text} is no field of the item: its value has to be known beforehand; use context: or rank: for what depends on the visitor`,
      )
    return compileItemValue(checked.expression)
  })
  return (item) => {
    const worth = read?.(item)
    return typeof worth === 'number' && worth > 0 ? worth : 0
  }
}

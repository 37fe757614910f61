import type { Expression } from '../../core/condition/expression.ts'
import { parseCel } from '../cel.ts'
import { Compilation } from '../compilation.ts'
import { itemFieldsOf } from '../compile-templates.ts'
import type { PlaybookDocument } from '../document.ts'
import type { OfferSource, PlaybookSource } from '../source.ts'
import { isAlwaysKnown, isImpossible, type Places } from './possible.ts'
import { both, type Term, termsOf } from './terms.ts'

/** Warns of conditions that hold for nobody or for everybody, and of offers that these keep out. */
export function warnOfRules(source: PlaybookSource, document: PlaybookDocument): void {
  new Rules(source, document).warn()
}

class Rules {
  private readonly source: PlaybookSource
  private readonly document: PlaybookDocument
  private readonly compilation: Compilation
  private readonly facts: readonly Expression[]
  private readonly everywhere: Places

  constructor(source: PlaybookSource, document: PlaybookDocument) {
    this.source = source
    this.document = document
    this.compilation = new Compilation(document, source, new Map())
    this.facts = Object.values(source.facts ?? {}).map((text) => this.parse(text))
    this.everywhere = placesOf(source)
  }

  warn(): void {
    const { facts = {}, groups = {}, offers = {}, context = [], channels = {} } = this.source
    Object.keys(facts).forEach((name, index) => {
      const fact = this.facts[index]
      if (fact) this.warnOfCondition(['facts', name], fact, this.everywhere)
    })
    for (const [name, { never }] of Object.entries(groups))
      if (never !== undefined) this.warnOfNever(['groups', name, 'never'], this.parse(never))
    context.forEach(({ when }, index) => {
      if (!this.canBe(this.parse(when), true, this.everywhere))
        this.document.warn(['context', index, 'when'], 'this never holds')
    })
    for (const [name, { when }] of Object.entries(channels))
      if (when !== undefined) this.warnOfChannel(name, this.parse(when))
    for (const [name, offer] of Object.entries(offers)) this.warnOfOffer(name, offer)
  }

  private warnOfCondition(path: readonly string[], condition: Expression, places: Places): void {
    if (condition.kind === 'literal') return
    if (!this.canBe(condition, true, places)) this.document.warn(path, 'this never holds')
    else if (this.isAlways(condition, places))
      this.document.warn(path, 'this always holds, so it says nothing')
  }

  private warnOfChannel(channel: string, when: Expression): void {
    const here = Object.entries(this.source.placements).filter(([, one]) => one.channel === channel)
    const names = here.map(([name]) => name)
    const places = { channels: [channel], placements: names, arms: armsAt(names, this.source) }
    if (here.length > 0 && !this.canBe(when, true, places))
      this.document.warn(
        ['channels', channel, 'when'],
        'this never holds, so nothing is shown on this channel',
      )
  }

  private warnOfNever(path: readonly string[], never: Expression): void {
    if (this.isAlways(never, this.everywhere))
      this.document.warn(path, 'this always holds, so nothing here is ever shown')
    else if (!this.canBe(never, true, this.everywhere) && !this.isFact(never))
      this.document.warn(path, 'this never holds, so it keeps nothing out')
  }

  private warnOfOffer(name: string, offer: OfferSource): void {
    const places = placesOf(this.source, offer)
    const path = ['offers', name]
    const when = offer.when === undefined ? undefined : this.parse(offer.when, offer)
    const never = offer.never === undefined ? undefined : this.parse(offer.never, offer)
    const groupNever = this.source.groups?.[offer.group ?? '']?.never
    if (never) this.warnOfNever([...path, 'never'], never)
    if (when === undefined) return
    if (!this.canBe(when, true, places)) {
      this.document.warn([...path, 'when'], 'this never holds, so the offer is never shown')
      return
    }
    if (when.kind !== 'literal' && this.isAlways(when, places))
      this.document.warn([...path, 'when'], 'this always holds, so it says nothing')
    let admitted = this.terms(when, true)
    if (never) {
      admitted = both(admitted, this.terms(never, false))
      if (this.isNone(admitted, places) && this.canBe(never, false, places)) {
        this.document.warn(
          [...path, 'when'],
          'where this holds, never holds too: it is never shown',
        )
        return
      }
    }
    if (groupNever === undefined) return
    const kept = this.parse(groupNever)
    if (!this.canBe(kept, false, places)) return
    if (this.isNone(both(admitted, this.terms(kept, false)), places))
      this.document.warn(
        [...path, 'when'],
        `where this holds, what group ${offer.group} never wants holds too: it is never shown`,
      )
  }

  /** The reason stands at the fact itself. */
  private isFact({ kind }: Expression): boolean {
    return kind === 'fact'
  }

  private canBe(condition: Expression, isTrue: boolean, places: Places): boolean {
    return !this.isNone(this.terms(condition, isTrue), places)
  }

  private isAlways(condition: Expression, places: Places): boolean {
    const factOf = (index: number) => this.facts[index]
    return isAlwaysKnown(condition, factOf) && !this.canBe(condition, false, places)
  }

  private isNone(terms: readonly Term[] | undefined, places: Places): boolean {
    return terms?.every((term) => isImpossible(term, places)) === true
  }

  private terms(condition: Expression, isTrue: boolean): readonly Term[] | undefined {
    return termsOf(condition, isTrue, (index) => this.facts[index])
  }

  /** @param offer whose items it may read */
  private parse(text: string, offer?: OfferSource): Expression {
    const { checker } = this.compilation
    const fields = offer && itemFieldsOf(offer, this.compilation)
    return checker.item.within(fields, () => checker.condition(parseCel(text)).expression)
  }
}

/** Where anything is shown, or where an offer is. */
function placesOf(source: PlaybookSource, offer?: OfferSource): Places {
  const { placements } = source
  const shown = Object.entries(placements).filter(
    ([, { format }]) => offer === undefined || Object.hasOwn(offer.treatments, format),
  )
  const names = shown.map(([name]) => name)
  return {
    channels: shown.map(([, { channel }]) => channel),
    placements: names,
    arms: armsAt(names, source),
  }
}

function armsAt(
  placements: readonly string[],
  { experiments = {} }: PlaybookSource,
): Places['arms'] {
  const here = Object.entries(experiments).filter(([, { at }]) =>
    at.some((one) => placements.includes(one)),
  )
  return new Map(here.map(([name, { arms }]) => [name, Object.keys(arms)]))
}

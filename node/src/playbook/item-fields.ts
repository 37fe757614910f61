import type { ASTNode } from '@marcbachmann/cel-js'
import type { ConditionType } from '../core/condition/expression.ts'
import { fail } from './condition-error.ts'
import { didYouMean } from './faults.ts'

/** What conditions and content may read of the item that an offer is made of. */
export class ItemFields {
  /** Undefined where an offer is made of none. */
  private known: ReadonlyMap<string, ConditionType> | undefined

  /** What `run` checks may read these fields. */
  within<T>(fields: ReadonlyMap<string, ConditionType> | undefined, run: () => T): T {
    const before = this.known
    this.known = fields
    try {
      return run()
    } finally {
      this.known = before
    }
  }

  /** @throws ConditionError */
  typeOf(node: ASTNode, name: string): ConditionType {
    if (this.known === undefined)
      return fail(node, 'there is an item only in an offer that is made from a catalogue')
    const type = this.known.get(name)
    return type ?? fail(node, `items have no field "${name}"${didYouMean(name, this.known.keys())}`)
  }
}

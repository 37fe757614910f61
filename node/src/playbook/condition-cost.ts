import type { ASTNode } from '@marcbachmann/cel-js'
import { ConditionError } from './condition-error.ts'

/**
 * What evaluating one condition may cost at most, in units: one for each of its nodes, and what its
 * functions look through. A unit is about 10 ns, so a condition takes at most about 50 µs.
 */
const unitsMax = 5_000

/** Elements of a list in a trait or a property: `bounds.listElements`. */
const listMax = 100

/** Adds up what a condition may cost at most, whatever a visitor did. */
export class ConditionCost {
  private units = 0
  private dearest: { readonly node: ASTNode; readonly units: number } | undefined

  /** @param units besides the one of the node itself */
  add(node: ASTNode, units: number): void {
    this.units += units
    if (units > (this.dearest?.units ?? 0)) this.dearest = { node, units }
  }

  node(): void {
    this.units++
  }

  /** What is run here is done for each element of a list. */
  forEachElement<T>(node: ASTNode, run: () => T): T {
    const before = this.units
    const result = run()
    this.add(node, (this.units - before) * (listMax - 1))
    return result
  }

  /** @throws ConditionError at the most expensive part, if the whole may cost too much */
  check(): void {
    if (this.units <= unitsMax || this.dearest === undefined) return
    const { node, units } = this.dearest
    throw new ConditionError(
      `too expensive: this condition may cost ${this.units} units, at most ${unitsMax} are allowed; ` +
        `this part alone costs ${units}. Ask for less, or declare parts as facts`,
      node.start,
      node.end,
    )
  }

  reset(): void {
    this.units = 0
    this.dearest = undefined
  }
}

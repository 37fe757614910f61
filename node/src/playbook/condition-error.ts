import type { ASTNode } from '@marcbachmann/cel-js'

/** A fault inside a condition's text. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError'
  readonly start: number
  readonly end: number

  constructor(message: string, start: number, end: number) {
    super(message)
    this.start = start
    this.end = end
  }
}

/** This part of the condition is at fault. */
export function fail(node: ASTNode, message: string): never {
  throw new ConditionError(message, node.start, node.end)
}

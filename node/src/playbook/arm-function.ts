import type { ASTNode } from '@marcbachmann/cel-js'
import { fail } from './condition-error.ts'
import type { Schema } from './condition-schema.ts'
import { isText } from './event-selection.ts'
import { didYouMean } from './faults.ts'
import type { Measured } from './measured.ts'

/** `arm("experiment")`: the name of the arm that the visitor is in. */
export class ArmFunction {
  /** Experiments of which anything that was checked asks for the arm. */
  readonly asked = new Set<string>()
  private readonly experiments: Schema['experiments']

  constructor(experiments: Schema['experiments']) {
    this.experiments = experiments
  }

  /** @throws ConditionError */
  call(node: ASTNode, [name, ...more]: readonly ASTNode[]): Measured {
    if (!isText(name) || more.length > 0)
      return fail(name ?? node, 'arm(…) takes the name of an experiment, in quotes')
    const experiment = name.args
    if (!this.experiments.has(experiment))
      fail(name, `no experiment "${experiment}"${didYouMean(experiment, this.experiments.keys())}`)
    this.asked.add(experiment)
    return { type: 'string', expression: { kind: 'arm', experiment }, units: 0 }
  }
}

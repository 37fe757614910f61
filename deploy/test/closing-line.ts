import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'
import type { Requirement } from './requirements.ts'

/**
 * Ends a run with why tests were skipped and, alone on the last line, how many passed, failed and
 * were skipped. With `isStrict`, a test skipped without an excuse has failed.
 */
export class ClosingLine implements Reporter {
  private readonly isStrict: boolean
  private readonly write: (text: string) => void

  constructor(isStrict: boolean, write: (text: string) => void) {
    this.isStrict = isStrict
    this.write = write
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const states = tests.map((test) => test.result().state)
    const skipped = tests.filter((test) => test.result().state === 'skipped')
    const unexcused = this.isStrict
      ? skipped.filter((test) => requirementOf(test)?.isExcused !== true)
      : []
    // A file that cannot be loaded, and an error outside of any test, count like a failed test.
    const broken = modules.filter(
      (module) => module.state() === 'failed' && !hasFailedTest(module),
    ).length
    const failed =
      count(states, 'failed') + count(states, 'pending') + broken + errors.length + unexcused.length

    for (const [reason, names] of byReason(skipped)) {
      this.write(`${names.length} skipped, ${reason}\n`)
    }
    for (const test of unexcused) {
      this.write(`With CI=true nothing is skipped without an excuse: ${test.fullName}\n`)
    }
    if (unexcused.length > 0) process.exitCode = 1
    this.write(
      `${count(states, 'passed')} passed, ${failed} failed, ${skipped.length - unexcused.length} skipped\n`,
    )
  }
}

function byReason(skipped: readonly TestCase[]): Map<string, TestCase[]> {
  return Map.groupBy(skipped, (test) => requirementOf(test)?.remedy ?? 'by a skip in the test')
}

function requirementOf(test: TestCase): Requirement | undefined {
  let task: TestCase | TestSuite | TestModule = test
  while (task.type !== 'module') {
    const { requirement } = task.meta()
    if (requirement !== undefined && !requirement.isMet) return requirement
    task = task.parent
  }
  return undefined
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests('failed')].length > 0
}

function count(states: readonly string[], state: string): number {
  return states.filter((other) => other === state).length
}

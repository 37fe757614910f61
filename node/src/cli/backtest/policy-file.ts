import { HalfsecondError } from '@halfsecond/protocol'
import type { Policy } from '../../core/learning/off-policy.ts'
import { readTable } from '../import/csv-table.ts'
import { actionsMax, placeOf } from './logged-rows.ts'

/** What probabilities written with few digits may be off by, all together. */
const sumTolerance = 0.001

/**
 * Reads a policy: CSV with the columns `action` and `probability`, which add up to 1.
 * @throws HalfsecondError `INVALID` with the line where it is none
 */
export async function readPolicy(file: string, bytes: AsyncIterable<Buffer>): Promise<Policy> {
  const policy = new Map<string, number>()
  const table = readTable(bytes, ',', (header) => {
    const action = placeOf('action', header, `the header line of ${file}`)
    const probability = placeOf('probability', header, `the header line of ${file}`)
    return (cells, { line }) => ({
      line,
      action: cells[action]?.trim() ?? '',
      text: cells[probability]?.trim() ?? '',
    })
  })
  for await (const rows of table) {
    for (const row of rows) {
      const refuse = (why: string) => new HalfsecondError('INVALID', `${file}:${row.line}: ${why}`)
      if ('fault' in row) throw refuse(row.fault)
      const { action, text } = row
      const probability = Number(text || Number.NaN)
      if (action === '') throw refuse('no action')
      if (policy.has(action)) throw refuse(`"${action.slice(0, 64)}" is here twice`)
      if (!(probability >= 0 && probability <= 1))
        throw refuse(`probability is "${text.slice(0, 64)}": a number from 0 to 1`)
      if (policy.size === actionsMax) throw refuse(`more than ${actionsMax} actions`)
      policy.set(action, probability)
    }
  }
  return scaled(file, policy)
}

function scaled(file: string, policy: Policy): Policy {
  const sum = [...policy.values()].reduce((all, probability) => all + probability, 0)
  if (Math.abs(sum - 1) > sumTolerance)
    throw new HalfsecondError('INVALID', `${file}: the probabilities add up to ${sum}, not to 1`)
  return new Map(Array.from(policy, ([action, probability]) => [action, probability / sum]))
}

import { execFile } from 'node:child_process'
import { createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { isFields } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { needs, openBanditData, referenceFolder } from '../../../../deploy/test/requirements.ts'
import { Dice } from '../../simulation/dice.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute, RunningCommand } from '../support/command.ts'

const folder = scratchFolder()
const main = join(import.meta.dirname, '../../../src/main.ts')

describe('halfsecond backtest', () => {
  it('tells what the policy would have earned, with intervals and a verdict', async () => {
    const log = file('shop.csv', shopLog(4000))

    const { code, output, notes } = await execute(['backtest', '--log', log])

    expect({ code, notes }).toEqual({ code: 0, notes: '' })
    expect(withoutUse(output).replace(log, 'shop.csv')).toMatchInlineSnapshot(`
      "shop.csv: 4,000 choices among 3 actions; the policy is uniform

      reward per choice         95 %
      the log itself     0.237  ± 0.013
      the policy, snips  0.298  ± 0.019
      the policy, ips    0.295  ± 0.021
      the policy, dr     0.301  ± 0.018

      effective sample size 2,392 of 4,000; largest weight 3.3
      verdict: better: 0.061 ± 0.011 more per choice than the log earned

      4,000 rows, 47 kB, in … s
      "
    `)
  })

  it('prints the same as JSON, of standard input and unpacked', async () => {
    const { code, output } = await execute(['backtest', '--log', '-', '--json'], {
      input: gzipSync(shopLog(4000)),
    })

    const told = parsed(output)
    expect(code).toBe(0)
    expect(told).toMatchObject({ policy: 'uniform', rows: 4000, actions: 3, faulty: 0 })
    expect(told).toMatchObject({ verdict: 'better', refused: [], warnings: [], unsupported: 0 })
    expect(told.used).toMatchObject({ rows: 4000, bytes: shopLog(4000).length })
    const [low, high] = numbersOf(told.interval)
    expect(low).toBeCloseTo(numberOf(told.ips) - 1.96 * numberOf(told.standardError), 12)
    expect(high).toBeCloseTo(numberOf(told.ips) + 1.96 * numberOf(told.standardError), 12)
  })

  it('reads a policy from a file', async () => {
    const log = file('always.csv', shopLog(4000))
    const policy = file('policy.csv', 'action,probability\nboots,0\nhats,1\n')

    const told = await json('--log', log, '--policy', policy)

    // Hats are accepted by half of those who see them.
    expect(Math.abs(numberOf(told.ips) - 0.5)).toBeLessThan(0.05)
    expect(told).toMatchObject({ verdict: 'better', unsupported: 0 })
  })

  it('takes columns by other names, cells with another delimiter, and booleans', async () => {
    const text = 'item;bought;p\nboots;true;0.5\nhats;False;0.5\n'
    const log = file('columns.csv', text)
    const columns = ['--action', 'item', '--reward', 'bought', '--propensity', 'p']

    const told = await json('--log', log, '--delimiter', ';', ...columns)

    expect(told).toMatchObject({ rows: 2, ips: 0.5, snips: 0.5, verdict: 'refused' })
    expect(told.refused).toEqual(['ess'])
  })

  it('expects rewards by context', async () => {
    const log = file('context.csv', contextLog(4000))

    const without = await json('--log', log)
    const within = await json('--log', log, '--context', 'segment,device')

    expect(without.contexts).toBe(1)
    expect(within.contexts).toBe(4)
    expect(width(within.drInterval)).toBeLessThan(width(without.drInterval))
    expect(numberOf(within.ips)).toBeCloseTo(numberOf(without.ips), 9)
  })

  it('refuses a verdict, and prints the estimates', async () => {
    const log = file('short.csv', shopLog(60))

    const { code, output } = await execute(['backtest', '--log', log])

    expect(code).toBe(0)
    expect(output).toMatch(/verdict: refused: as much as \d+ choices .* 200 are needed/)
    expect(output).toMatch(/the policy, ips +0\.\d+ +± 0\.\d+/)
  })

  it('warns of actions that the log never shows', async () => {
    const log = file('support.csv', shopLog(4000))
    const policy = file('hat.csv', 'action,probability\nhat,0.2\nboots,0.8\n')

    const { output } = await execute(['backtest', '--log', log, '--policy', policy])

    expect(output).toContain("verdict: refused: 20 % of the policy's choices are actions that")
    expect(output).toMatch(/warning: the log never shows "hat", 20 % .*; did you mean "hats"\?/)
  })

  it('warns where a single choice decides', async () => {
    const log = file('heavy.csv', `${shopLog(500)}hats,1,0.0001\n`)

    const told = await json('--log', log)

    expect(told.maxWeight).toBeCloseTo(10_000 / 3, 6)
    expect(told.warnings).toEqual([expect.stringMatching(/^one single choice has 8\d % of all/)])
  })

  it('warns where the propensities cannot be those of the log', async () => {
    const log = file('wrong.csv', shopLog(4000).replaceAll(/,0\.\d+$/gm, ',0.9'))

    const told = await json('--log', log)

    expect(told.warnings).toEqual([
      expect.stringMatching(/^weights are 0\.370 on average and should be 1\.00: the propensities/),
    ])
  })

  it('does not warn of propensities that were rounded', async () => {
    const even = rows(3000, (row) => `${offers[row % 3]?.name},${row % 2},0.333`)
    const log = file('rounded.csv', `action,reward,propensity\n${even}`)

    expect((await json('--log', log)).warnings).toEqual([])
  })

  it('leaves out faulty rows, and says which and why', async () => {
    const faulty = [
      'hats,1,0',
      'hats,1,1.5',
      'hats,1,-0.2',
      'hats,1,',
      'hats,,0.5',
      'hats,yes,0.5',
      'hats,Infinity,0.5',
      ',1,0.5',
      `${'h'.repeat(300)},1,0.5`,
      'hats,1,0.5,left over',
    ]
    const log = file('faulty.csv', `action,reward,propensity\n${faulty.join('\n')}\nhats,1,0.5\n`)

    const { output, notes } = await execute(['backtest', '--log', log, '--json'])

    expect(notes.replaceAll(`${log}:`, '').trimEnd().split('\n')).toEqual([
      '2: propensity is "0": the probability with which this was chosen is above 0 and at most 1',
      expect.stringMatching(/^3: propensity is "1.5": /),
      expect.stringMatching(/^4: propensity is "-0.2": /),
      expect.stringMatching(/^5: propensity is empty: /),
      expect.stringMatching(/^6: reward is empty: a number/),
      expect.stringMatching(/^7: reward is "yes": /),
      expect.stringMatching(/^8: reward is "Infinity": /),
      '9: no action: what was chosen?',
      '10: its action is longer than 256 characters',
      '11: 4 cells, but 3 columns',
    ])
    expect(parsed(output)).toMatchObject({ rows: 1, faulty: 10, refused: ['ess', 'faulty'] })
  })

  it('tells the first ten faulty rows only', async () => {
    const log = file('all-faulty.csv', `${shopLog(100)}${'hats,1,0\n'.repeat(50)}`)

    const { notes, output } = await execute(['backtest', '--log', log])

    expect(notes.trimEnd().split('\n')).toHaveLength(10)
    expect(output).toMatch(/; 50 faulty rows left out\n$/)
  })

  it('says where nothing was earned', async () => {
    const log = file('barren.csv', shopLog(4000).replaceAll(',1,', ',0,'))

    const { output } = await execute(['backtest', '--log', log])

    expect(output).toContain('verdict: refused: no choice of the log earned anything\n')
  })

  it.each([
    {
      what: 'a column that is not there',
      log: 'action,reward,propensty\nhats,1,0.5\n',
      why: 'no column "propensity"; did you mean "propensty"?; name it with --propensity. The columns are action, reward, propensty',
    },
    { what: 'no rows', log: 'action,reward,propensity\n', why: 'has no choice that can be read' },
    { what: 'nothing at all', log: '', why: 'has no choice that can be read' },
    {
      what: 'faulty rows only',
      log: 'action,reward,propensity\nhats,1,0\n',
      why: 'has no choice that can be read',
    },
    {
      what: 'too many actions',
      log: `action,reward,propensity\n${rows(10_001, (row) => `id-${row},1,0.5`)}`,
      why: 'more than 10000 actions: is "action" the column of what was chosen?',
    },
  ])('refuses a log with $what', async ({ log, why }) => {
    const path = file('bad.csv', log)

    const { code, output, notes } = await execute(['backtest', '--log', path])

    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(notes).toContain(why)
  })

  it('refuses contexts that are hardly any two alike', async () => {
    const text = `action,reward,propensity,visitor\n${rows(100_001, (row) => `hats,1,0.5,${row}`)}`
    const log = file('many.csv', text)

    const { code, notes } = await execute(['backtest', '--log', log, '--context', 'visitor'])

    expect(code).toBe(1)
    expect(notes).toContain('leave out of --context visitor what has many values')
  })

  it.each([
    { text: 'action,p\nhats,1\n', why: 'no column "probability"' },
    { text: 'action,probability\nhats,0.5\n', why: 'the probabilities add up to 0.5, not to 1' },
    { text: 'action,probability\nhats,0.5\nhats,0.5\n', why: 'policy.csv:3: "hats" is here twice' },
    { text: 'action,probability\nhats,1.5\n', why: 'policy.csv:2: probability is "1.5": a number' },
    { text: 'action,probability\n,1\n', why: 'policy.csv:2: no action' },
    { text: '', why: 'the probabilities add up to 0, not to 1' },
  ])('refuses a policy: $why', async ({ text, why }) => {
    const policy = file('policy.csv', text)
    const log = file('good.csv', shopLog(10))

    const { code, notes } = await execute(['backtest', '--log', log, '--policy', policy])

    expect(code).toBe(1)
    expect(notes).toContain(why)
  })

  it('refuses a log that is not there, and none', async () => {
    const absent = await execute(['backtest', '--log', join(folder, 'absent.csv')])
    const none = await execute(['backtest'])

    expect(absent.code).toBe(1)
    expect(absent.notes).toContain('cannot read')
    expect(none.code).toBe(2)
    expect(none.notes).toContain("a log with '--log <file>'")
  })

  it('ends without a result when it is stopped', async () => {
    const log = file('stopped.csv', shopLog(4000))

    const { code, output, notes } = await new RunningCommand(['backtest', '--log', log]).stop()

    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(notes).toBe('CLOSED: stopped before the log was read\n')
  })

  it('reads 200,000 rows within a heap that could not hold them', async () => {
    const log = join(folder, 'long.csv')
    await pipeline(Readable.from(longLog(200_000)), createWriteStream(log))

    // Kept as texts, the rows would take several times this heap.
    const heap = '--max-old-space-size=64'
    const { stdout } = await promisify(execFile)(process.execPath, [
      heap,
      main,
      'backtest',
      '--log',
      log,
      '--json',
    ])

    expect(parsed(stdout)).toMatchObject({ rows: 200_000, faulty: 0, actions: 50 })
  }, 120_000)
})

describe('halfsecond backtest of Open Bandit data', needs(openBanditData), () => {
  const columns = ['--action', 'item_id', '--reward', 'click', '--propensity', 'propensity_score']
  const log = (name: string) => join(referenceFolder, 'data', `open-bandit-${name}.csv.gz`)

  it('knows the answers for men', async () => {
    const told = await json('--log', log('bts-men'), ...columns, '--policy', 'uniform')

    const [low, high] = numbersOf(told.interval)
    expect(numberOf(told.ips).toFixed(4)).toBe('0.0030')
    expect((((high ?? 0) - (low ?? 0)) / 2).toFixed(4)).toBe('0.0015')
    expect(numberOf(told.snips).toFixed(4)).toBe('0.0032')
    expect(Math.round(numberOf(told.ess))).toBe(656)
    expect(Math.round(numberOf(told.maxWeight))).toBe(178)
    expect(told).toMatchObject({ rows: 10_000, actions: 34, verdict: 'worse' })
  })

  it('knows the answers for women, and gives no verdict', async () => {
    const told = await json('--log', log('bts-women'), ...columns, '--policy', 'uniform')

    const [low, high] = numbersOf(told.interval)
    expect(numberOf(told.ips).toFixed(4)).toBe('0.0074')
    expect((((high ?? 0) - (low ?? 0)) / 2).toFixed(4)).toBe('0.0081')
    expect(numberOf(told.snips).toFixed(4)).toBe('0.0024')
    expect(Math.round(numberOf(told.ess))).toBe(2)
    expect(Math.round(numberOf(told.maxWeight))).toBe(21_739)
    expect(told).toMatchObject({ rows: 10_000, actions: 46, verdict: 'refused', refused: ['ess'] })
  })

  it.each(['random-men', 'random-women'])('finds the truth in %s', async (name) => {
    const told = await json('--log', log(name), ...columns)

    expect(numberOf(told.ips).toFixed(4)).toBe('0.0046')
    expect(numberOf(told.logged).toFixed(4)).toBe('0.0046')
    expect(numberOf(told.ess)).toBeCloseTo(10_000, 3)
    expect(told).toMatchObject({ verdict: 'undecided', warnings: [] })
  })
})

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function json(...args: readonly string[]): Promise<{ readonly [name: string]: unknown }> {
  return parsed((await execute(['backtest', ...args, '--json'])).output)
}

function parsed(output: string): { readonly [name: string]: unknown } {
  const value: unknown = JSON.parse(output)
  if (!isFields(value)) throw new Error(`not an object: ${output}`)
  return value
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw new Error(`not a number: ${value}`)
  return value
}

function numbersOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(numberOf) : []
}

function width(interval: unknown): number {
  const [low = 0, high = 0] = numbersOf(interval)
  return high - low
}

/** What differs from run to run. */
function withoutUse(output: string): string {
  return output.replace(/in [\d.]+ s; used .*/, 'in … s')
}

function rows(count: number, row: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => `${row(index)}\n`).join('')
}

const offers = [
  { name: 'boots', propensity: 0.6, pays: 0.1 },
  { name: 'hats', propensity: 0.3, pays: 0.5 },
  { name: 'coats', propensity: 0.1, pays: 0.3 },
] as const

function drawn(dice: Dice) {
  const at = dice.next()
  return at < 0.6 ? offers[0] : at < 0.9 ? offers[1] : offers[2]
}

/** A shop that rather shows what is accepted least. */
function shopLog(count: number): string {
  const dice = new Dice(7)
  const row = () => {
    const { name, propensity, pays } = drawn(dice)
    return `${name},${dice.chance(pays) ? 1 : 0},${propensity}`
  }
  return `action,reward,propensity\n${rows(count, row)}`
}

/** Rewards are large for members, whatever they see. */
function contextLog(count: number): string {
  const dice = new Dice(9)
  const row = () => {
    const { name, propensity, pays } = drawn(dice)
    const segment = dice.chance(0.5) ? 'member' : 'guest'
    const reward = (segment === 'member' ? 10 : 0) + (dice.chance(pays) ? 1 : 0)
    return `${name},${reward},${propensity},${segment},${dice.chance(0.5) ? 'phone' : 'desk'}`
  }
  return `action,reward,propensity,segment,device\n${rows(count, row)}`
}

function* longLog(count: number): Generator<string> {
  const dice = new Dice(11)
  yield `action,reward,propensity,${rows(20, (index) => `note${index}`)
    .trimEnd()
    .split('\n')
    .join(',')}\n`
  for (let row = 0; row < count; row++) {
    const note = Math.floor(dice.next() * 1e9)
    yield `item-${dice.below(50)},${dice.below(2)},0.02${`,note-${note}`.repeat(20)}\n`
  }
}

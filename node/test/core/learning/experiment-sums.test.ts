import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ExperimentFacts,
  type ExperimentQuestion,
  questionOf,
  thinned,
} from '../../../src/core/learning/experiment-facts.ts'
import {
  addExperimentSums,
  dayMs,
  ExperimentTally,
  noExperimentSums,
} from '../../../src/core/learning/experiment-sums.ts'
import { heroOrder } from '../../support/experiments.ts'

const { starts } = heroOrder
const question = questionOf(heroOrder, starts + 20 * dayMs)

describe('a person in an experiment', () => {
  it('counts in the arm that was shown first, whichever fragment says so', () => {
    const later: ExperimentFacts = { shown: [['none', starts + dayMs]], done: [[], []] }
    const earlier: ExperimentFacts = { shown: [['ours', starts]], done: [[], []] }

    expect(summed([later, earlier])).toMatchObject({
      arms: [{ arm: 'ours', people: 1 }],
      seen: 1,
      several: 1,
    })
  })

  it('did it where any fragment did within the time after, and not before or later', () => {
    const week = 7 * dayMs
    const shownAt = starts + 8 * dayMs
    const didAt = (time: number) =>
      summed([
        { shown: [['ours', shownAt]], done: [[], []] },
        { shown: [], done: [[time], []] },
      ]).arms[0]?.measures[0]

    expect(didAt(shownAt)).toEqual({ people: 1, did: 1, before: 0, both: 0 })
    expect(didAt(shownAt + week - 1)).toMatchObject({ did: 1 })
    expect(didAt(shownAt + week)).toMatchObject({ did: 0, before: 0 })
    expect(didAt(shownAt - 1)).toMatchObject({ did: 0, before: 1 })
    expect(didAt(shownAt - week)).toMatchObject({ before: 1 })
    expect(didAt(shownAt - week - 1)).toMatchObject({ before: 0 })
  })

  it('is not measured before the time is over, though counted as shown', () => {
    const shownAt = question.now - 7 * dayMs + 1
    const facts = { shown: [['ours', shownAt] as const], done: [[shownAt], []] }

    expect(summed([facts])).toMatchObject({
      arms: [
        {
          people: 1,
          measures: [{ people: 0, did: 0 }, { people: 0 }],
          days: [{ people: 1, whole: 0 }],
        },
      ],
    })
    expect(summed([facts], { ...question, now: question.now + 1 })).toMatchObject({
      arms: [
        {
          measures: [{ people: 1, did: 1 }, { people: 1 }],
          days: [{ people: 1, whole: 1, did: 1 }],
        },
      ],
    })
  })

  it('who was shown nothing is only looked at', () => {
    expect(summed([{ shown: [], done: [[starts], []] }])).toEqual({ ...noExperimentSums, seen: 1 })
  })
})

describe('sums of people', () => {
  it('of parts add up to those of all, in any order', () => {
    const fact = fc
      .record({
        arm: fc.constantFrom('ours', 'none', 'any'),
        day: fc.integer({ min: 0, max: 19 }),
        done: fc.array(fc.integer({ min: -10 * dayMs, max: 30 * dayMs }), { maxLength: 3 }),
      })
      .map(({ arm, day, done }) => ({
        shown: [[arm, starts + day * dayMs] as const],
        done: [done.map((at) => starts + at), []],
      }))
    fc.assert(
      fc.property(fc.array(fact), fc.nat(), (people, cut) => {
        const [left, right] = [people.slice(0, cut % 10), people.slice(cut % 10)]
        const all = tallied(people)
        expect(addExperimentSums(tallied(left), tallied(right))).toEqual(all)
        expect(addExperimentSums(tallied(right), tallied(left))).toEqual(all)
      }),
    )
  })
})

describe('times that are thinned', () => {
  it('still say whether it was done within the span before or after any time', () => {
    const times = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 40 })
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: -60, max: 260 }),
        (all, span, time) => {
          const kept = thinned(all, span)
          const says = (some: readonly number[]) => [
            some.some((one) => one >= time && one < time + span),
            some.some((one) => one >= time - span && one < time),
          ]
          expect(says(kept)).toEqual(says(all))
          expect(kept.length).toBeLessThanOrEqual(2 * Math.ceil(201 / span) + 1)
        },
      ),
    )
  })
})

function summed(facts: readonly ExperimentFacts[], asked: ExperimentQuestion = question) {
  const tally = new ExperimentTally(asked)
  tally.add(facts)
  return tally.sums()
}

function tallied(people: readonly ExperimentFacts[]) {
  const tally = new ExperimentTally(question)
  for (const facts of people) tally.add([facts])
  return tally.sums()
}

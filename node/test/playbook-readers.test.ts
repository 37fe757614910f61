import { describe, expect, it } from 'vitest'
import { reviewPlaybook } from '../src/playbook/authoring.ts'
import { PlaybookError } from '../src/playbook/faults.ts'
import { readers } from '../src/playbook-readers.ts'
import { ZoneCalendar } from '../src/system/zone-calendar.ts'

const calendar = new ZoneCalendar()
const { texts, author } = readers(calendar)

/** Of 20 characters and more for each offer. */
function playbook(offers: number, rule = 'count("page", "1d") > 1'): string {
  const lines = Array.from(
    { length: offers },
    (_, i) => `  offer-${i}: { when: '${rule}', value: ${i}, treatments: { banner: x${i} } }`,
  )
  return `playbook: shop
events: { page: {} }
placements: { home: { channel: web, format: banner, fallback: none } }
offers:
${lines.join('\n')}
tests:
  - { it: shows nobody anything, given: [], then: [{ at: home, fallback: true }] }
`
}

describe.each([
  ['short, on the thread of the node', 4],
  ['long, on another thread', 400],
])('a playbook that is %s', (_where, offers) => {
  it('is compiled', async () => {
    const compiled = await texts.compile(playbook(offers), new Map())

    const names = compiled.placements.get('home')?.candidates.map(({ offer }) => offer.name)
    expect(names).toHaveLength(offers)
    expect(names?.[0]).toBe(`offer-${offers - 1}`)
  })

  it('is refused with the places of its faults', async () => {
    const faulty = async () => texts.compile(playbook(offers, 'count("pace", "1d") > 1'), new Map())
    const malformed = async () => texts.compile(`${playbook(offers)}robots: []\n`, new Map())

    await expect(faulty()).rejects.toThrow(PlaybookError)
    await expect(faulty()).rejects.toMatchObject({
      faults: expect.arrayContaining([
        expect.objectContaining({ line: 5, column: 27, path: 'offers.offer-0.when' }),
      ]),
    })
    await expect(malformed()).rejects.toMatchObject({
      faults: [{ line: offers + 7, path: 'robots' }],
    })
  })

  it('is reviewed', async () => {
    const text = playbook(offers, 'count("page", "1d") < 0')
    const before = playbook(offers + 1)

    const review = await author.review(text, before, true)

    expect(review).toEqual(reviewPlaybook(text, before, true, calendar))
    expect(review.warnings).toHaveLength(Math.min(offers, 100))
    expect(review.changes).toMatchObject({ added: 0, removed: 1, changed: offers })
  })

  it('is refused where its own tests fail', async () => {
    const failing = playbook(offers).replace('fallback: true', 'offer: offer-1')

    await expect(author.review(failing, undefined, true)).rejects.toMatchObject({
      refusal: 'the playbook was not published, for its own tests fail',
      faults: [{ path: 'tests.0.then.0.offer' }],
    })
    expect(await author.review(failing, undefined, false)).toMatchObject({ failures: [{}] })
  })
})

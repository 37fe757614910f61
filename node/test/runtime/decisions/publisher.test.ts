import { createHash } from 'node:crypto'
import { decode, encode, HalfsecondError, isFields, subjects } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import type { TrialTally } from '../../../src/core/decision/trial.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryCluster, MemoryCoordination } from '../../../src/memory/memory-coordination.ts'
import { reviewPlaybook } from '../../../src/playbook/authoring.ts'
import { playbookTexts } from '../../../src/playbook/playbook-texts.ts'
import { Catalogues } from '../../../src/runtime/catalogues/catalogues.ts'
import { PlaybookCompiler } from '../../../src/runtime/catalogues/playbook-compiler.ts'
import { PlaybookRegistry } from '../../../src/runtime/decisions/playbook-registry.ts'
import { Playbooks } from '../../../src/runtime/decisions/playbooks.ts'
import { Publisher } from '../../../src/runtime/decisions/publisher.ts'
import { StagedPlaybooks } from '../../../src/runtime/decisions/staged-playbooks.ts'
import type { ReadRequest } from '../../../src/runtime/reads.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import { start } from '../../support/records.ts'

const text = (title: string) => `playbook: shop
placements: { hero: { channel: web, format: banner, fallback: none } }
offers: { card: { treatments: { banner: ${title} } } }
`
const ann = { by: 'ann' }
const hash = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex')

/** A node without shards among others that answer what they are told to, and a trial that says what it is told to. */
class Office {
  readonly staged: string[] = []
  /** By node: what it answers when it shall get a playbook ready. */
  readonly others = new Map<string, () => Uint8Array | Promise<Uint8Array>>()
  readonly reads: ReadRequest[] = []
  tally: TrialTally = { timelines: 0, partial: 0, placements: {} }
  readonly publisher: Publisher
  readonly registry: PlaybookRegistry
  readonly ready: (hash: string) => Promise<void>
  readonly coordination: MemoryCoordination

  constructor(cluster?: MemoryCluster) {
    const clock = new ManualClock(start)
    this.coordination = new MemoryCoordination(cluster ?? new MemoryCluster(clock), clock)
    const { coordination } = this
    const compiler = new PlaybookCompiler(
      playbookTexts,
      new Catalogues({ coordination, clock, hash }),
    )
    const staged = new StagedPlaybooks({ coordination, compiler })
    this.ready = (one) => staged.ready(one)
    this.registry = new PlaybookRegistry({
      coordination,
      shards: [],
      leaders: () => [],
      tell: () => {},
      onConsent: () => {},
      oldestElsewhere: () => Number.POSITIVE_INFINITY,
      playbooks: new Playbooks(),
      clock,
      observer: new QuietObserver(),
      staged,
    })
    this.publisher = new Publisher({
      registry: this.registry,
      staged,
      compiler,
      author: {
        review: async (one, before, mustPass) =>
          reviewPlaybook(one, before, mustPass, new ZoneCalendar()),
      },
      coordination,
      hash,
      others: () => [...this.others.keys()],
      bus: { request: (subject, bytes) => this.request(subject, bytes) },
      read: (request) => this.read(request),
      shards: 8,
      clock,
    })
  }

  private async request(subject: string, bytes: Uint8Array): Promise<Uint8Array> {
    const value = decode(bytes)
    if (isFields(value)) this.staged.push(String(value.op))
    const [, answer] = [...this.others].find(([node]) => subject === subjects.control(node)) ?? []
    if (answer === undefined) throw new HalfsecondError('UNAVAILABLE', 'nobody serves it')
    return answer()
  }

  private async *read(request: ReadRequest): AsyncGenerator<Uint8Array> {
    this.reads.push(request)
    if (!('shard' in request) || request.shard !== 0) return
    yield Buffer.from(`\n${JSON.stringify(this.tally)}\n`)
  }
}

const ready = () => encode({})
const unable = () => encode({ error: 'INVALID', message: 'no such key here: rank' })
const silent = () => Promise.reject(new HalfsecondError('TIMEOUT', 'no answer within 5 s'))

describe('before it decides, a playbook', () => {
  it('is ready on every node that lives', async () => {
    const office = new Office()
    office.others.set('n2', ready).set('n3', ready)

    const published = await office.publisher.publish(text('a'), ann)

    expect(office.staged).toEqual(['playbook.stage', 'playbook.stage'])
    expect(published).toMatchObject({ version: 1, name: 'shop', lacking: [] })
  })

  it('is refused where a node cannot read it, unless it is forced', async () => {
    const office = new Office()
    office.others.set('n2', unable)

    await expect(office.publisher.publish(text('a'), ann)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('n2 cannot take it: no such key here: rank'),
    })
    expect(await office.publisher.versions()).toEqual([])
    expect(await office.publisher.publish(text('a'), { ...ann, isForced: true })).toMatchObject({
      version: 1,
      lacking: [{ node: 'n2', why: 'no such key here: rank' }],
    })
    expect(await office.publisher.versions()).toMatchObject([{ isForced: true }])
  })

  it('waits for no node that does not answer, and names it', async () => {
    const office = new Office()
    office.others.set('n2', silent).set('n3', ready)

    expect(await office.publisher.publish(text('a'), ann)).toMatchObject({
      version: 1,
      lacking: [{ node: 'n2', why: 'no answer within 5 s' }],
    })
  })

  it('is tried on each shard, up to 1,000 timelines in all', async () => {
    const office = new Office()
    await office.publisher.publish(text('a'), ann)
    expect(office.reads).toEqual([])

    await office.publisher.publish(text('b'), ann)

    expect(office.reads.map((one) => 'shard' in one && one.shard)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(office.reads[0]).toMatchObject({ what: 'playbookTrial', count: 125, now: start })
  })
})

describe('a trial', () => {
  const tallyOf = (before: number, after: number): TrialTally => ({
    timelines: 100,
    partial: 0,
    placements: { hero: { asked: 100, before, after } },
  })

  it.each([
    [10, 30],
    [50, 0],
    [0, 20],
  ])('is passed where %d of 100 default contents become %d', async (before, after) => {
    const office = new Office()
    await office.publisher.publish(text('a'), ann)
    office.tally = tallyOf(before, after)

    expect(await office.publisher.publish(text('b'), ann)).toMatchObject({ objections: [] })
  })

  it.each([
    [10, 31],
    [0, 21],
    [79, 100],
  ])('is failed where %d of 100 default contents become %d', async (before, after) => {
    const office = new Office()
    await office.publisher.publish(text('a'), ann)
    office.tally = tallyOf(before, after)
    const message = `hero would show default content to ${after} % instead of ${before} %`

    await expect(office.publisher.publish(text('b'), ann)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(message),
    })
    expect(office.registry.active).toMatchObject({ version: 1 })
    const dry = await office.publisher.publish(text('b'), { ...ann, isDry: true })
    expect(dry).toMatchObject({ isDry: true, version: 1, objections: [expect.any(String)] })
    const untried = await office.publisher.publish(text('b'), { ...ann, isTried: false })
    expect(untried).toMatchObject({ version: 2, trial: undefined })
  })

  it('does not keep anybody from going back, but warns', async () => {
    const office = new Office()
    await office.publisher.publish(text('a'), ann)
    await office.publisher.publish(text('b'), ann)
    office.tally = tallyOf(0, 90)

    expect(await office.publisher.rollback(1, { ...ann, note: 'b was wrong' })).toMatchObject({
      version: 3,
      objections: [],
      risks: [expect.stringContaining('to 90 %')],
    })
    expect(office.registry.active?.text).toBe(text('a'))
  })
})

describe('what is kept of a version', () => {
  it('is who, when, why, what changed and what the trial said', async () => {
    const office = new Office()
    await office.publisher.publish(text('a'), ann)
    const placements = { hero: { asked: 9, before: 1, after: 2 } }
    office.tally = { timelines: 9, partial: 1, placements }
    await office.publisher.publish(text('b'), { by: 'bob', note: 'nicer' })

    expect(await office.publisher.versions()).toEqual([
      {
        version: 2,
        hash: hash(text('b')),
        name: 'shop',
        at: start,
        by: 'bob',
        note: 'nicer',
        isForced: false,
        rollsBack: undefined,
        changes: {
          added: 0,
          removed: 0,
          changed: 1,
          lines: ['~ offer card: treatments banner: a → b'],
        },
        trial: { timelines: 9, partial: 1, placements },
      },
      expect.objectContaining({ version: 1, by: 'ann', note: '' }),
    ])
    expect(await office.publisher.at(1)).toMatchObject({ version: 1, text: text('a') })
  })

  it('is little, however much changed', async () => {
    const office = new Office()
    const offers = Array.from(
      { length: 500 },
      (_, i) => `  o${i}: { treatments: { banner: ${'x'.repeat(300)} } }`,
    )

    await office.publisher.publish(
      `${text('a').replace(/offers.*\n/, '')}offers:\n${offers.join('\n')}\n`,
      ann,
    )

    const claimed = await office.coordination.get('playbook.1')
    expect(claimed?.value.length).toBeLessThan(8_192)
    expect(await office.publisher.versions()).toMatchObject([{ changes: { added: 502 } }])
  })

  it('is known of versions of a time when only the hash was kept', async () => {
    const office = new Office()
    await office.coordination.putBlob('h', Buffer.from(text('a')))
    await office.coordination.compareAndSet('playbook.1', encode({ hash: 'h', at: start }), 0)

    expect(await office.publisher.versions()).toMatchObject([{ version: 1, by: '', note: '' }])
    expect(await office.publisher.at(1)).toMatchObject({ text: text('a') })
  })

  it('is nothing where there is no such version', async () => {
    await expect(new Office().publisher.at(7)).rejects.toMatchObject({ code: 'INVALID' })
  })
})

describe('a node that cannot read the newest version', () => {
  it('tells who asks it to get ready that it cannot, or not yet', async () => {
    const office = new Office()
    await office.coordination.putBlob('h', Buffer.from('playbook: later\nrobots: []\n'))

    await expect(office.ready('h')).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/^playbook:1:1 "placements" is missing$/),
    })
    await expect(office.ready('i')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await office.coordination.putBlob('i', Buffer.from(text('a')))
    await expect(office.ready('i')).resolves.toBeUndefined()
  })

  it('says so, and what decides instead', async () => {
    const clock = new ManualClock(start)
    const cluster = new MemoryCluster(clock)
    const office = new Office(cluster)
    await office.publisher.publish(text('a'), ann)
    await office.coordination.putBlob('h', Buffer.from('playbook: later\nrobots: []\n'))
    await office.coordination.compareAndSet('playbook.2', encode({ hash: 'h', at: start }), 0)

    office.registry.heard(2, 'h')

    await expect
      .poll(() => office.registry.problem)
      .toMatch(/^playbook 2 cannot be had here, version 1 decides: /)
  })
})

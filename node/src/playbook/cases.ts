import {
  encode,
  type FragmentId,
  HalfsecondError,
  type Identifier,
  identifierOf,
  parseIdentifier,
} from '@halfsecond/protocol'
import type { Calendar } from '../core/decision/calendar.ts'
import { decide } from '../core/decision/decide.ts'
import type { Experiment, Placement, Playbook } from '../core/decision/playbook.ts'
import { profileOf } from '../core/decision/profile.ts'
import { reasonOf } from '../core/decision/reasons.ts'
import type { Trace } from '../core/decision/verdict.ts'
import { Digest } from '../core/digest.ts'
import { parseDuration } from '../core/duration.ts'
import { templateOf } from '../core/features/feature-set.ts'
import { Arena } from '../core/fragment/arena.ts'
import { evolve, type FragmentRecord, type Ground } from '../core/fragment/evolve.ts'
import { type Fragment, initialFragment } from '../core/fragment/fragment.ts'
import { recordOf } from './case-records.ts'
import type { Path, PlaybookDocument } from './document.ts'
import { didYouMean } from './faults.ts'
import type { CaseSource, PlaybookSource, ThenSource } from './source.ts'

/** When cases are decided: always the same noon, so that a case never depends on its day. */
const decidedAt = Date.UTC(2025, 5, 18, 12)

/** Who decides where no record names anybody. */
const stranger = identifierOf('anon', 'stranger')

/** Runs the cases of a playbook, on the fold and the decision that visitors get; faults go to the document. */
export function runCases(
  source: PlaybookSource,
  playbook: Playbook,
  document: PlaybookDocument,
  calendar: Calendar,
): void {
  source.tests?.forEach((one, index) => {
    new Case(['tests', index], one, source, playbook, document, calendar).run()
  })
}

class Case {
  private readonly path: Path
  private readonly one: CaseSource
  private readonly source: PlaybookSource
  private readonly playbook: Playbook
  private readonly document: PlaybookDocument
  private readonly calendar: Calendar

  constructor(
    path: Path,
    one: CaseSource,
    source: PlaybookSource,
    playbook: Playbook,
    document: PlaybookDocument,
    calendar: Calendar,
  ) {
    this.calendar = calendar
    this.path = path
    this.one = one
    this.source = source
    this.playbook = playbook
    this.document = document
  }

  run(): void {
    const records = this.records()
    const arms = this.arms()
    if (records === undefined || arms === undefined) return
    const ground = { arena: new Arena(), chunks: new KeptChunks(), digest: new Digest() }
    const fragment = initialFragment(records[0]?.key ?? stranger)
    records.forEach((record, index) => {
      fold(fragment, record, index, ground)
    })
    this.one.then.forEach((then, index) => {
      this.expect([...this.path, 'then', index], then, fragment, ground, arms)
    })
  }

  /** What is given, as records; undefined where something in it is at fault. */
  private records(): FragmentRecord[] | undefined {
    const records: FragmentRecord[] = []
    let isSound = true
    this.one.given.forEach((given, index) => {
      const path = [...this.path, 'given', index]
      const fault = (key: string | undefined, message: string) => {
        this.document.add(key === undefined ? path : [...path, key], message)
        isSound = false
      }
      const key = identifierIn(given.visitor, fault)
      if (key === undefined) return
      const [first] = records
      if (first !== undefined && first.key !== key)
        fault('visitor', `a case is about one visitor, and this one is about ${first.key}`)
      const ago = given.ago === undefined ? 0 : (parseDuration(given.ago) ?? 0)
      const common = { id: `given-${index}`, key, at: decidedAt - ago }
      const record = recordOf(given, common, this.source, this.playbook, fault)
      if (record !== undefined) records.push(record)
    })
    return isSound ? records : undefined
  }

  /** The arm of each experiment that the case names; undefined where something in it is at fault. */
  private arms(): ReadonlyMap<string, string> | undefined {
    const arms = new Map(Object.entries(this.one.arms ?? {}))
    const experiments = new Map(this.playbook.experiments.map((one) => [one.name, one]))
    let isSound = true
    for (const [name, arm] of arms) {
      const known = experiments.get(name)?.arms.map((one) => one.name)
      if (known?.includes(arm)) continue
      isSound = false
      const path = [...this.path, 'arms', name]
      if (known === undefined)
        this.document.addAtKey(
          path,
          `no experiment "${name}"${didYouMean(name, experiments.keys())}`,
        )
      else
        this.document.add(
          path,
          `no arm "${arm}"${didYouMean(arm, known) || `; there are ${known.join(', ')}`}`,
        )
    }
    return isSound ? arms : undefined
  }

  private expect(
    path: Path,
    then: ThenSource,
    fragment: Fragment,
    ground: Ground,
    arms: ReadonlyMap<string, string>,
  ): void {
    const { placements: known } = this.playbook
    const placement = known.get(then.at)
    if (placement === undefined) {
      this.document.add(
        [...path, 'at'],
        `no placement "${then.at}"${didYouMean(then.at, known.keys())}`,
      )
      return
    }
    const { offers = {} } = this.source
    for (const key of ['offer', 'never'] as const) {
      const name = then[key]
      if (name === undefined || isOffer(name, offers)) continue
      this.document.add(
        [...path, key],
        `no offer "${name}"${didYouMean(name, Object.keys(offers))}`,
      )
      return
    }
    const trace = new Map<string, Trace>()
    const whole = profileOf(fragment, this.playbook.features, [], decidedAt, ground)
    // By their own arm, which follows from the visitor's name, a case would say something of a share only.
    const profile = { ...whole, eldest: null }
    const placements = [withRunning(placement, arms)]
    const request = { placements, now: decidedAt, exposures: [], arms }
    const choices = decide(profile, request, this.playbook, this.calendar, trace)
    const shown = choices.flatMap(({ propositions }) =>
      propositions.flatMap(({ offer }) => (offer === undefined ? [] : [offer])),
    )
    this.compare(path, then, placement, shown, trace.get(placement.name))
  }

  private compare(
    path: Path,
    { offer, never, fallback }: ThenSource,
    { name }: Placement,
    shown: readonly string[],
    trace: Trace | undefined,
  ): void {
    const { it } = this.one
    const found = shown.length === 0 ? 'default content' : shown.join(', ')
    const fail = (key: string, message: string) => {
      this.document.add([...path, key], `"${it}" fails: ${name} shows ${found}; ${message}`)
    }
    if (offer !== undefined && !shown.includes(offer)) {
      const judged = trace?.candidates.find(({ candidate }) => candidate.offer.name === offer)
      const why =
        trace === undefined
          ? 'there is no consent'
          : judged === undefined
            ? 'it has no treatment for this placement'
            : reasonOf(judged, trace.candidates)
      fail('offer', `${offer} is expected, but ${why}`)
    }
    if (never !== undefined && shown.includes(never)) fail('never', `${never} must not be`)
    if (fallback && shown.length > 0) fail('fallback', 'default content is expected')
  }
}

/** The placement where these experiments run, whenever they do. */
function withRunning(placement: Placement, arms: ReadonlyMap<string, string>): Placement {
  const always = { starts: Number.NEGATIVE_INFINITY, ends: Number.POSITIVE_INFINITY }
  const running = (one: Experiment) => (arms.has(one.name) ? { ...one, ...always } : one)
  return arms.size === 0
    ? placement
    : { ...placement, experiments: placement.experiments.map(running) }
}

/** An offer, or the one that an item of a catalogue would make. */
function isOffer(name: string, offers: NonNullable<PlaybookSource['offers']>): boolean {
  return Object.hasOwn(offers, name) || offers[templateOf(name) ?? name]?.from !== undefined
}

function identifierIn(
  visitor: string,
  onFault: (key: string, message: string) => void,
): Identifier | undefined {
  try {
    return parseIdentifier(visitor)
  } catch (error) {
    if (!(error instanceof HalfsecondError)) throw error
    onFault('visitor', error.message)
    return undefined
  }
}

function fold(fragment: Fragment, record: FragmentRecord, index: number, ground: Ground): void {
  const bytes = encode(record)
  const logged = { sequence: index + 1, index: 0, timestamp: decidedAt, bytes, start: 0 }
  evolve(fragment, record, { ...logged, end: bytes.length }, ground)
}

/** Sealed chunks of one fragment. */
class KeptChunks {
  private readonly rows: Uint8Array[] = []

  read(_identifier: FragmentId, number: number): Uint8Array | undefined {
    return this.rows[number]
  }

  seal(_identifier: FragmentId, number: number, row: Uint8Array): void {
    this.rows[number] = row
  }

  remove(_identifier: FragmentId, number: number): void {
    delete this.rows[number]
  }
}

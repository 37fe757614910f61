import {
  HalfsecondError,
  type Identifier,
  type Outcome,
  type Position,
  toHalfsecondError,
} from '@halfsecond/protocol'
import { landingLink, outcomeOf, peekToken, type TokenKeys } from '@halfsecond/protocol/token'
import { backoffMs } from './backoff.ts'
import type { Counters } from './counters.ts'
import type { MapFollower } from './map-follower.ts'
import { moreOf, type OutcomeOptions } from './outcome-options.ts'
import type { Recorder, RecordOptions } from './recorder.ts'
import { type Accepted, isEverywhere } from './spread.ts'
import type { Transport } from './transport.ts'

/** How long a report is tried where only the cluster can check its token. */
const reportMs = 15_000

/** What tokens bring back: checked here where this server has their keys, else by a node. */
export class Reports {
  private readonly transport: Transport
  private readonly map: MapFollower
  private readonly recorder: Recorder
  private readonly counters: Counters
  private readonly tokenKeys: TokenKeys | undefined
  private readonly underWay = new Set<Promise<Position>>()
  private isClosed = false

  constructor(
    transport: Transport,
    map: MapFollower,
    recorder: Recorder,
    counters: Counters,
    tokenKeys: TokenKeys | undefined,
  ) {
    this.transport = transport
    this.map = map
    this.recorder = recorder
    this.counters = counters
    this.tokenKeys = tokenKeys
  }

  /** Whether this server has the keys itself: then what is reported is known here at once. */
  get areChecked(): boolean {
    return this.tokenKeys !== undefined
  }

  /** @throws HalfsecondError, besides rejecting */
  outcome(token: string, outcome: Outcome, options: OutcomeOptions): Promise<Position> {
    const { namespaces } = this.map
    if (this.tokenKeys === undefined) {
      const report = this.through(this.transport.outcome)
      const { key } = peekToken(token, namespaces)
      return this.report(
        key,
        (at, id) => report.call(this.transport, token, outcome, at, id, moreOf(options)),
        options,
      )
    }
    // What happened is true however late it is told: any time at which the token was good proves it.
    const said = this.tokenKeys.verify(token, 0, namespaces)
    return this.recorder.record({ ...outcomeOf(said), outcome, ...moreOf(options) }, options)
  }

  /** Rejects as `outcome`. @throws HalfsecondError, besides rejecting */
  async accepted(token: string, options: OutcomeOptions): Promise<Accepted> {
    const position = await this.outcome(token, 'accept', options)
    const { key } = peekToken(token, this.map.namespaces)
    return { position, isEverywhere: await isEverywhere(key, position, this.transport, this.map) }
  }

  /** @throws HalfsecondError, besides rejecting */
  landed(token: string, device: Identifier, options: RecordOptions): Promise<Position> {
    const { namespaces } = this.map
    if (this.tokenKeys === undefined) {
      const report = this.through(this.transport.landing)
      landingLink(peekToken(token, namespaces), device, namespaces)
      return this.report(
        device,
        (at, id) => report.call(this.transport, token, device, at, id),
        options,
      )
    }
    const said = this.tokenKeys.verify(token, Date.now(), namespaces)
    return this.recorder.record(landingLink(said, device, namespaces), options)
  }

  /** Takes no more reports; resolves when those under way are done. */
  async close(): Promise<void> {
    this.isClosed = true
    await Promise.allSettled([...this.underWay])
  }

  /** The transport's way to have a token checked, while there is one. */
  private through<Report>(report: Report | undefined): Report {
    if (report === undefined) {
      throw new HalfsecondError(
        'FORBIDDEN',
        'this server cannot check tokens: give it the HALFSECOND_TOKEN_KEYS of the cluster',
      )
    }
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the client is closed')
    return report
  }

  /** @param key what the record that a node makes of it is keyed by */
  private report(
    key: Identifier,
    send: (at: number, id: string) => Promise<Position>,
    options: RecordOptions,
  ): Promise<Position> {
    const { at = this.recorder.now(), id = this.recorder.newId() } = options
    const reported = this.untilReported(() => send(at, id)).then(
      (position) => {
        this.counters.acknowledged++
        this.recorder.recent.learned(key, position)
        return position
      },
      (error: HalfsecondError) => {
        this.recorder.dropped(1, error)
        throw error
      },
    )
    this.counters.recorded++
    this.underWay.add(reported)
    const settled = () => this.underWay.delete(reported)
    reported.then(settled, settled)
    return reported
  }

  private async untilReported(report: () => Promise<Position>): Promise<Position> {
    const end = performance.now() + reportMs
    for (let attempt = 0; ; attempt++) {
      try {
        return await report()
      } catch (thrown) {
        const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot report what a token brought')
        if (!error.retryable || performance.now() > end) throw error
        this.counters.retries++
        await pause(backoffMs(attempt, 50, 2_000))
      }
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

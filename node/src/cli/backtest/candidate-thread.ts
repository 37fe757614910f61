import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { isFields } from '@halfsecond/protocol'
import { CandidateReplay } from '../../core/learning/candidate-replay.ts'
import { Frames, joinedIn } from '../../core/learning/joined.ts'
import { readPlaybook } from '../../playbook/compile-playbook.ts'
import type { PlaybookSource } from '../../playbook/source.ts'
import { ZoneCalendar } from '../../system/zone-calendar.ts'
import type { FromThread, ReplayJob, ToThread } from './candidate-messages.ts'
import { CandidateStock } from './candidate-stock.ts'
import { type PastPlaybook, pastPlaybook } from './past-playbook.ts'

/** A thread of a backtest: decides batches of logged decisions again, one after the other. */
class CandidateThread {
  private readonly port: MessagePort
  private readonly replay: CandidateReplay
  private readonly stock: CandidateStock
  private readonly source: PlaybookSource
  private readonly playbooks = new Map<number, Promise<PastPlaybook | undefined>>()
  private readonly awaited = new Map<number, (text: string | undefined) => void>()
  private readonly awaitedItems = new Map<
    string,
    (pieces: readonly Uint8Array[] | undefined) => void
  >()
  private last: Promise<void> = Promise.resolve()

  constructor(port: MessagePort, { candidate, reward, placement }: ReplayJob) {
    this.port = port
    const { playbook: plain, source } = readPlaybook(candidate)
    this.source = source
    this.stock = new CandidateStock(candidate, plain, (hash) => this.itemsAt(hash))
    this.replay = new CandidateReplay({
      candidate: plain,
      calendar: new ZoneCalendar(),
      reward,
      placement,
    })
  }

  take(message: ToThread): void {
    if (message.kind === 'playbook') this.awaited.get(message.version)?.(message.text)
    else if (message.kind === 'items') this.awaitedItems.get(message.hash)?.(message.pieces)
    else this.last = this.last.then(() => this.answer(message.bytes))
  }

  private async answer(bytes: Uint8Array): Promise<void> {
    try {
      await this.decide(bytes)
    } catch (error) {
      this.post({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
      return
    }
    const replayed = this.replay.take()
    const buffers = replayed.rows.flatMap(({ columns }) => columns.map(({ buffer }) => buffer))
    this.post({ kind: 'replayed', replayed }, buffers)
  }

  private async decide(bytes: Uint8Array): Promise<void> {
    for (const value of new Frames().take(bytes)) {
      const { entry, outcomes, pasts } = joinedIn(value)
      const logged = CandidateReplay.read(entry)
      const past = logged && (await this.playbookAt(logged.playbookVersion))
      const stocked = past && (await this.stock.of(past.bound))
      this.replay.add(logged, outcomes, past, pasts, stocked)
    }
  }

  private playbookAt(version: number): Promise<PastPlaybook | undefined> {
    let playbook = this.playbooks.get(version)
    if (playbook === undefined) {
      const text = new Promise<string | undefined>((found) => this.awaited.set(version, found))
      playbook = text.then((found) => pastPlaybook(found, this.source))
      this.playbooks.set(version, playbook)
      this.post({ kind: 'wanted', version })
    }
    return playbook
  }

  private itemsAt(hash: string): Promise<readonly Uint8Array[] | undefined> {
    const found = new Promise<readonly Uint8Array[] | undefined>((done) =>
      this.awaitedItems.set(hash, done),
    )
    this.post({ kind: 'items wanted', hash })
    return found
  }

  private post(message: FromThread, buffers: readonly ArrayBuffer[] = []): void {
    this.port.postMessage(message, buffers)
  }
}

function isJob(job: unknown): job is ReplayJob {
  return isFields(job) && typeof job.candidate === 'string'
}

function isMessage(message: unknown): message is ToThread {
  return isFields(message) && typeof message.kind === 'string'
}

if (parentPort !== null && isJob(workerData)) {
  const thread = new CandidateThread(parentPort, workerData)
  parentPort.on('message', (message: unknown) => {
    if (isMessage(message)) thread.take(message)
  })
}

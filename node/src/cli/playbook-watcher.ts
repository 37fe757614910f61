import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { PlaybookError } from '../playbook/faults.ts'
import type { Published } from '../runtime/decisions/publication.ts'
import type { ActivePlaybook } from '../runtime/node-api.ts'
import { describeFailure } from './failure.ts'
import type { LastPublished } from './last-published.ts'
import { describeFaults } from './playbook-file.ts'
import { describeRemarks } from './publication-texts.ts'

/** Looking at a file costs next to nothing, and works on every file system, which events do not. */
const lookEveryMs = 100

export interface PlaybookWatcherDependencies {
  /** Rejects with a `PlaybookError` where the text is faulty or fails its own tests; then the version before stays on. */
  readonly publish: (text: string) => Promise<ActivePlaybook & Pick<Published, 'warnings'>>
  /** The playbook that decides. */
  readonly active: () => (ActivePlaybook & { readonly text: string }) | undefined
  readonly last: LastPublished
  readonly tell: (text: string) => void
}

/** Publishes a file whenever it is saved. One publication is under way at a time. */
export class PlaybookWatcher {
  private readonly path: string
  private readonly uses: PlaybookWatcherDependencies
  private running: Promise<void> | undefined
  private isChanged = false
  /** What was read last: saving it again says nothing new. */
  private seen: string | undefined
  private readonly changed = () => {
    this.isChanged = true
    this.running ??= this.publishAll()
  }

  constructor(path: string, uses: PlaybookWatcherDependencies) {
    this.path = path
    this.uses = uses
  }

  /**
   * Publishes what the file holds now, unless it decides already, or is what was published from a file
   * last: what others published since stays on then. Watches it from then on.
   */
  async start(): Promise<void> {
    watchFile(this.path, { interval: lookEveryMs }, this.changed)
    this.changed()
    await this.running
  }

  async close(): Promise<void> {
    unwatchFile(this.path, this.changed)
    await this.running
  }

  private async publishAll(): Promise<void> {
    while (this.isChanged) {
      this.isChanged = false
      await this.publishOnce()
    }
    this.running = undefined
  }

  private async publishOnce(): Promise<void> {
    const { path } = this
    const { publish, active, last, tell } = this.uses
    try {
      const text = await readFile(path, 'utf8')
      // An editor may empty a file before it writes it: that is no playbook yet.
      if (text === this.seen || text === '') return
      const isFirst = this.seen === undefined
      this.seen = text
      const before = active()
      if (before?.text === text) {
        tell(`${path}: version ${before.version} decides, unchanged`)
        this.remember(text, before.version)
        return
      }
      const known = isFirst && before !== undefined ? last.versionOf(text) : undefined
      if (before !== undefined && known !== undefined) {
        tell(unchangedText(path, known, before.version))
        return
      }
      const { name, version, warnings } = await publish(text)
      this.remember(text, version)
      for (const line of describeRemarks(path, 'warning', warnings)) tell(line)
      tell(`${path}: ${name} decides, version ${version}`)
    } catch (error) {
      tell(this.describe(error))
    }
  }

  /** A disk that is full must not look as if the playbook were not published. */
  private remember(text: string, version: number): void {
    try {
      this.uses.last.remember(text, version)
    } catch (error) {
      this.uses.tell(
        `${this.path}: the next start publishes it again, for it cannot be noted that it was: ${describeFailure(error)}`,
      )
    }
  }

  private describe(error: unknown): string {
    const version = this.uses.active()?.version
    const stays = version === undefined ? 'nothing decides yet' : `version ${version} stays on`
    if (error instanceof PlaybookError)
      return `${describeFaults(this.path, error.faults)}; ${stays}`
    if (isAbsent(error))
      return `${this.path} is not there; ${stays}, and it is published once it is`
    return `${this.path} was not published: ${describeFailure(error)}; ${stays}`
  }
}

/** A text with catalogues decides under the same number in another form, bound to their versions. */
function unchangedText(path: string, known: number, deciding: number): string {
  if (known === deciding) return `${path}: version ${deciding} decides, unchanged`
  return `${path}: unchanged since it was published as version ${known}; version ${deciding} decides and stays on, saving a change publishes it`
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

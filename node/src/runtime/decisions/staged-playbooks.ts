import { HalfsecondError } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import { keepNewest } from '../../core/keep-newest.ts'
import type { PlaybookCompiler } from '../catalogues/playbook-compiler.ts'
import type { Coordination } from '../ports.ts'

/** Playbooks that are kept ready before they have a number: those that are being tried and published. */
const stagedMax = 4

export interface StagedPlaybook {
  readonly text: string
  readonly playbook: Playbook
}

export interface StagedPlaybooksDependencies {
  readonly coordination: Pick<Coordination, 'blob'>
  readonly compiler: Pick<PlaybookCompiler, 'compile'>
}

/** Compiled playbooks by the hash of their text: a node gets one ready before it has to decide by it. */
export class StagedPlaybooks {
  private readonly uses: StagedPlaybooksDependencies
  private readonly staged = new Map<string, Promise<StagedPlaybook>>()

  constructor(uses: StagedPlaybooksDependencies) {
    this.uses = uses
  }

  /** Compiles a text, unless that is done. Rejects with a `PlaybookError`. */
  async put(hash: string, text: string): Promise<Playbook> {
    if (!this.staged.has(hash)) this.keep(hash, this.compile(text))
    return (await this.get(hash)).playbook
  }

  /**
   * Fetches and compiles it, unless that is done or under way.
   * Rejects with a `PlaybookError`, or with `UNAVAILABLE` where its text is nowhere.
   */
  get(hash: string): Promise<StagedPlaybook> {
    const known = this.staged.get(hash)
    if (known) return known
    const loading = this.textOf(hash).then(({ text }) => this.compile(text))
    this.keep(hash, loading)
    return loading
  }

  private keep(hash: string, staged: Promise<StagedPlaybook>): void {
    this.staged.set(hash, staged)
    staged.catch(() => {
      if (this.staged.get(hash) === staged) this.staged.delete(hash)
    })
    keepNewest(this.staged, stagedMax)
  }

  /**
   * As `get`, for another node that asks. Rejects with `INVALID` where this node cannot read it, and
   * with `UNAVAILABLE` where it may be able to later.
   */
  async ready(hash: string): Promise<void> {
    try {
      await this.get(hash)
    } catch (error) {
      if (error instanceof HalfsecondError) throw error
      const [message = ''] = error instanceof Error ? error.message.split('\n') : []
      throw new HalfsecondError('INVALID', message, { cause: error })
    }
  }

  /** The text alone, even where it is no playbook of this version. Rejects with `UNAVAILABLE`. */
  async textOf(hash: string): Promise<{ readonly text: string }> {
    const bytes = await this.uses.coordination.blob(hash)
    if (bytes === undefined)
      throw new HalfsecondError(
        'UNAVAILABLE',
        `the playbook ${hash.slice(0, 8)} is nowhere: publish it again`,
      )
    return { text: Buffer.from(bytes).toString() }
  }

  private async compile(text: string): Promise<StagedPlaybook> {
    return { text, playbook: await this.uses.compiler.compile(text) }
  }
}

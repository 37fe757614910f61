import type { Playbook } from '../../core/decision/playbook.ts'
import { keepNewest } from '../../core/keep-newest.ts'
import type { PlaybookCompiler } from '../catalogues/playbook-compiler.ts'
import type { Coordination } from '../ports.ts'
import { claimKey } from './playbook-registry.ts'
import { readClaim } from './publication.ts'

/** Compiled at a time: whoever asks about the past asks about a few versions of it. */
const compiledMax = 4

export interface PastPlaybooksDependencies {
  readonly coordination: Pick<Coordination, 'get' | 'blob'>
  readonly compiler: Pick<PlaybookCompiler, 'compile'>
}

/** Playbooks by their numbers, also of those that no shard decides by any more. */
export class PastPlaybooks {
  private readonly uses: PastPlaybooksDependencies
  private readonly compiled = new Map<number, Playbook>()

  constructor(uses: PastPlaybooksDependencies) {
    this.uses = uses
  }

  /**
   * Undefined where no playbook has this number, or nobody has its text any more. Rejects with
   * `UNAVAILABLE`, and with a `PlaybookError` where this version of halfsecond refuses the text.
   */
  async at(version: number): Promise<Playbook | undefined> {
    const known = this.compiled.get(version)
    if (known !== undefined) return known
    const { coordination, compiler } = this.uses
    const claim = await coordination.get(claimKey(version))
    const claimed = claim && readClaim(version, claim.value)
    if (claimed === undefined) return undefined
    const bytes = await coordination.blob(claimed.hash)
    if (bytes === undefined) return undefined
    const playbook = await compiler.compile(Buffer.from(bytes).toString())
    this.compiled.set(version, playbook)
    keepNewest(this.compiled, compiledMax)
    return playbook
  }
}

import type { Playbook } from '../../core/decision/playbook.ts'

/** Versions kept compiled besides those that shards decide by: others may still come to them. */
const keptMax = 4

const none: ReadonlySet<number> = new Set()

/** The compiled playbooks of a node, by version. */
export class Playbooks {
  private readonly compiled = new Map<number, Playbook>()

  /** @param inUse versions that shards decide by: they stay, however many newer ones wait for their turn */
  add(version: number, playbook: Playbook, inUse = none): void {
    this.compiled.set(version, playbook)
    const others = [...this.compiled.keys()].filter((known) => !inUse.has(known))
    others.sort((a, b) => a - b).splice(-keptMax)
    for (const known of others) this.compiled.delete(known)
  }

  has(version: number): boolean {
    return this.compiled.has(version)
  }

  /** The version itself, or the newest before it while it is still being fetched. */
  at(version: number): { readonly version: number; readonly playbook: Playbook } | undefined {
    const exact = this.compiled.get(version)
    if (exact) return { version, playbook: exact }
    let newest: { version: number; playbook: Playbook } | undefined
    for (const [known, playbook] of this.compiled) {
      if (known < version && known > (newest?.version ?? 0)) newest = { version: known, playbook }
    }
    return newest
  }
}

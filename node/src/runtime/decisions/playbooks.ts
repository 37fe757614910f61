import type { Playbook } from '../../core/decision/playbook.ts'

/** Versions kept compiled: the active one, and those that shards may still be leaving. */
const keptMax = 4

/** The compiled playbooks of a node, by version. */
export class Playbooks {
  private readonly compiled = new Map<number, Playbook>()

  add(version: number, playbook: Playbook): void {
    this.compiled.set(version, playbook)
    for (const known of [...this.compiled.keys()].sort((a, b) => a - b)) {
      if (this.compiled.size <= keptMax) break
      this.compiled.delete(known)
    }
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

import { HalfsecondError } from '@halfsecond/protocol'
import type {
  PlaybookVersion,
  Published,
  PublishRequest,
} from '../../../src/runtime/decisions/publication.ts'
import type { NodeApi, Publishing } from '../../../src/runtime/node-api.ts'

/** Publishes whatever it is given to the node, and keeps who asked for what. */
export class FakePublishing implements Publishing {
  readonly asked: (PublishRequest & { readonly rollsBack?: number })[] = []
  private readonly node: Pick<NodeApi, 'publishPlaybook' | 'playbook'>

  constructor(node: Pick<NodeApi, 'publishPlaybook' | 'playbook'>) {
    this.node = node
  }

  async publish(text: string, request: PublishRequest): Promise<Published> {
    this.asked.push(request)
    const isDry = request.isDry === true
    const active = isDry
      ? { version: 0, hash: 'h1', name: 'shop' }
      : await this.node.publishPlaybook(text)
    const changes = { added: 1, removed: 0, changed: 0, lines: ['+ offer a: added'] }
    const told = {
      failures: [],
      warnings: [],
      trial: undefined,
      risks: [],
      objections: [],
      lacking: [],
    }
    return { ...active, isDry, changes, ...told }
  }

  async rollback(version: number, request: PublishRequest): Promise<Published> {
    const { text } = await this.at(version)
    const published = await this.publish(text, request)
    this.asked.push({ ...request, rollsBack: version })
    return published
  }

  async versions(): Promise<readonly PlaybookVersion[]> {
    const { version = 0 } = this.node.playbook() ?? {}
    return Array.from({ length: version }, (_, i) => versionOf(version - i))
  }

  async at(version: number): Promise<PlaybookVersion & { readonly text: string }> {
    const active = this.node.playbook()
    if (active === undefined || version > active.version || version < 1)
      throw new HalfsecondError('INVALID', `no playbook has the number ${version}`)
    return { ...versionOf(version), text: active.text }
  }
}

function versionOf(version: number): PlaybookVersion {
  return {
    version,
    hash: 'h1',
    name: 'shop',
    at: Date.UTC(2026, 10, 18, 11),
    by: 'ann',
    note: 'spring',
    isForced: false,
    rollsBack: undefined,
    changes: { added: 1, removed: 0, changed: 0, lines: ['+ offer a: added'] },
    trial: { timelines: 10, partial: 0, placements: { home: { asked: 10, before: 1, after: 2 } } },
  }
}

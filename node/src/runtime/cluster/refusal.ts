import type { Intent } from '../../core/cluster/cluster-map.ts'
import type { ClusterView } from './cluster-view.ts'

/** Shards named in a refusal. */
const named = 5

/**
 * Why a node should not be taken out of service now, in words for an operator; undefined where
 * nothing speaks against it. A node that is away already may always be: that is how it is replaced.
 */
export function refusalOf(id: string, intent: Intent, view: ClusterView): string | undefined {
  const node = view.nodes.find((one) => one.id === id)
  if (intent === 'serve' || node === undefined || node.intent === intent) return undefined
  const others = view.nodes.filter((one) => one.id !== id)
  const serving = others.filter((one) => one.intent === 'serve' && one.state === 'up')
  if (serving.length === 0) return `no other node can take over what ${id} holds: start one first`
  const leaving = others.find(
    (one) => one.intent !== 'serve' && (one.state === 'up' || replicasOf(one) > 0),
  )
  if (leaving) {
    const what = leaving.intent === 'drain' ? 'drains' : 'is decommissioned'
    return `${leaving.id} ${what} already: one at a time; see halfsecond node show ${leaving.id}`
  }
  if (node.state === 'away') return undefined
  const { wanted } = view.redundancy
  const below = view.shards.filter(({ hot }) => hot < wanted).map(({ shard }) => shard)
  if (below.length === 0) return undefined
  const list = below.slice(0, named).join(', ') + (below.length > named ? ', …' : '')
  return `${below.length} ${below.length === 1 ? 'shard has' : 'shards have'} fewer than ${wanted} caught-up replicas (${list}): wait until they have; see halfsecond shard ls`
}

function replicasOf(node: ClusterView['nodes'][number]): number {
  return node.primaries + node.standbys + node.warming
}

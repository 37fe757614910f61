import type { Kind, Step } from './schedule.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Simulation } from './simulation.ts'

/** Makes it well again; undefined where it does not last. */
type Undo = (() => void) | undefined

/** How far a clock may jump, either way. */
const jumpMs = 2_500_000

/** Begins what a step is about, and returns what ends it. */
export const faults: {
  readonly [kind in Kind]: (world: Simulation, node: SimulatedNode, step: Step) => Undo
} = {
  kill: (_, node) => {
    node.kill()
    return () => node.start()
  },
  wipe: (world, node) => {
    if (world.isElsewhere(node)) node.wipe()
    return () => node.start()
  },
  pause: ({ coverage }, { life }) => {
    life?.pause()
    coverage.count('pauses')
    return () => life?.resume()
  },
  jump: (_, { life }, { ms }) => {
    if (life) life.skewMs += (ms - jumpMs / 1_000) * 1_000
    return undefined
  },
  partition: ({ network, nodes }, node) => {
    network.partition(
      [node.id],
      nodes.map(({ id }) => id).filter((id) => id !== node.id),
    )
    return () => network.heal()
  },
  'cut-log': ({ server }, { id }) => {
    server.setCut(id, true)
    return () => server.setCut(id, false)
  },
  'control-away': (world) => {
    world.setControl(false)
    return () => world.setControl(true)
  },
  'control-stale': (_, { coordination }, { ms }) => {
    coordination.staleBy = 1 + (ms % 3)
    return () => {
      coordination.staleBy = 0
    }
  },
  'control-unconfirmed': (_, { coordination }, { ms }) => {
    coordination.unconfirmed = 1 + (ms % 3)
    return undefined
  },
  noise: (world) => {
    world.noise = { loss: 0.1, twice: 0.1, delayMs: 300 }
    return () => world.calm()
  },
  'ack-loss': ({ server }) => {
    server.ackLoss = 0.5
    return () => {
      server.ackLoss = 0
    }
  },
  'log-away': ({ server }) => {
    server.setUp(false)
    return () => server.setUp(true)
  },
  'log-full': ({ server }) => {
    server.log.shardBytesMax = 0
    return () => {
      server.log.shardBytesMax = Number.POSITIVE_INFINITY
    }
  },
  'log-clock': ({ server }, _, { ms }) => {
    server.skewMs += (ms - jumpMs / 1_000) * 1_000
    return undefined
  },
  'disk-full': (_, { disk }) => {
    disk.isFull = true
    return () => {
      disk.isFull = false
    }
  },
  'disk-slow': (_, { disk }) => {
    disk.latencyMs = 2_000
    return () => {
      disk.latencyMs = 2
    }
  },
  poison: ({ server }, { id }, { shard }) => {
    server.poison(id, shard)
    return undefined
  },
  garbage: (world, _, { shard }) => {
    world.coverage.count('dead-letters')
    world.put(shard, Uint8Array.of(0xc1, 1, 2, 3), 'garbage')
    return undefined
  },
  reset: ({ server }, { id }) => {
    server.reset(id)
    return undefined
  },
  'lose-suffix': (world, _, { shard, ms }) => {
    world.loseSuffix(shard, 1 + (ms % 12))
    return undefined
  },
  recreate: (world, _, { shard }) => {
    world.recreate(shard)
    return undefined
  },
  grow: (world, _, { shard }) => {
    world.grow(shard)
    return undefined
  },
  // Nothing is trimmed before it is on disks.
  trim: (world, _, { shard }) => {
    world.grow(shard)
    world.server.isPressed = true
    return () => {
      for (const { engine } of world.nodes) void engine?.cluster.trimmer.round()
    }
  },
  drain: (_, node) => {
    const intend = (intent: 'drain' | 'serve') => {
      node.engine?.cluster.intend(node.id, intent).catch(() => undefined)
    }
    intend('drain')
    return () => intend('serve')
  },
  playbook: (world, node) => {
    world.publishPlaybook(node)
    return undefined
  },
}

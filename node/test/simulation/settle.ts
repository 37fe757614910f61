import { isDeepStrictEqual } from 'node:util'
import { shardOf } from '@halfsecond/protocol'
import { viewOf } from '../../src/core/profile-view.ts'
import type { ShardState } from '../../src/core/shard/shard-state.ts'
import { checkRecognition, isHistoryWhole, isTold } from './recognition-check.ts'
import { shardCount } from './schedule.ts'
import { checkSegments } from './segment-check.ts'
import type { Simulation } from './simulation.ts'

const arriveMs = 10_000

/** Everything is on disk then. */
const flushedMs = 4_000

/** Everything that was recorded arrives, and is there, once each, also after all nodes died. */
export async function settle(simulation: Simulation): Promise<void> {
  const { invariants } = simulation
  simulation.endRecording()
  await simulation.expect(() => isArrived(simulation), arriveMs, 'that all records arrive')
  if (invariants.violations.length > 0) return
  checkLogs(simulation)
  await checkIncarnations(simulation)
  await checkProfiles(simulation)
  checkStatistics(simulation)
  if (isHistoryWhole(simulation)) {
    await simulation.expect(() => isTold(simulation), arriveMs, 'that all shards hear of others')
    checkRecognition(simulation)
    await checkSegments(simulation)
  }
  await simulation.run(flushedMs)
  checkMemory(simulation)
  simulation.restartAll()
  await simulation.expect(() => simulation.isWhole, arriveMs, 'that all nodes start again')
  if (invariants.violations.length > 0) return
  await checkProfiles(simulation)
  checkStatistics(simulation)
}

function isArrived({ clients, nodes, truths }: Simulation): boolean {
  return (
    clients.every(({ isQuiet }) => isQuiet) &&
    nodes.every(({ engine }) =>
      engine?.shards.every(({ number, state }) => state.applied === truths[number]?.branch.last),
    )
  )
}

/** What was acknowledged is in the log, or was when the log lost its end. */
function checkLogs({ clients, truths, invariants }: Simulation): void {
  for (const { acked } of clients)
    for (const id of acked)
      if (!truths.some(({ branches }) => branches.some((branch) => branch.has(id))))
        invariants.broken('I6 effect once', `${id} was acknowledged and is nowhere`)
}

/** Positions that clients keep are of the log that there is. */
async function checkIncarnations({ nodes, server, invariants }: Simulation): Promise<void> {
  for (const { id, engine } of nodes)
    for (const [shard, { incarnation }] of engine?.map().shards.entries() ?? [])
      if (incarnation !== (await server.incarnation(shard)))
        invariants.broken(
          'I5 session',
          `${id} tells clients that the log of shard ${shard} is ${incarnation}, which it no longer is`,
        )
}

/** Every replica knows of every visitor what a fold of the log knows, and each event once. */
async function checkProfiles({ nodes, visitors, truths, invariants }: Simulation): Promise<void> {
  for (const visitor of visitors) {
    const truth = truths[shardOf(visitor, shardCount)]
    const fragment = truth?.bare.fragments.get(visitor)
    const view = fragment && truth && viewOf(fragment, truth.bare)
    const events = view?.timeline.filter(({ kind }) => kind !== 'outcome')
    const ids = events?.map(({ id }) => id) ?? []
    const once = truth?.branch.events(visitor) ?? []
    if (ids.length !== once.length || new Set(ids).size !== ids.length)
      invariants.broken('I6 effect once', `${visitor} has ${ids.length} events of ${once.length}`)
    for (const { id, engine } of nodes) {
      if (!engine?.shards.some(({ number }) => number === truth?.number)) continue
      if (!isDeepStrictEqual(await engine.profile(visitor), view))
        invariants.broken('I2 prefix truth', `${id} knows other things of ${visitor} than its log`)
    }
  }
}

/** Every replica has learnt what a fold of the log has, to the last bit, wherever it was begun from. */
function checkStatistics({ nodes, truths, invariants, coverage }: Simulation): void {
  for (const { number, bare } of truths) {
    const learnt = rowsOf(bare.state)
    const { statistics, time } = bare.state
    if (statistics.settled(time.now).cells.length > 0) coverage.count('learnt')
    for (const { id, engine } of nodes) {
      const shard = engine?.shards.find((one) => one.number === number)
      if (shard === undefined || shard.state.applied !== bare.state.applied) continue
      if (!isDeepStrictEqual(rowsOf(shard.state), learnt))
        invariants.broken(
          'I2 prefix truth',
          `${id} has learnt other things than shard ${number} says`,
        )
    }
  }
}

function rowsOf({ statistics }: ShardState): readonly string[] {
  return Array.from(statistics.rows(), (row) => Buffer.from(row).toString('latin1')).sort()
}

/** All actors are clean then, so that each may leave. */
function checkMemory({ nodes, memoryBytes, invariants }: Simulation): void {
  for (const { id, engine } of nodes) {
    engine?.actors.makeRoom()
    const bytes = engine?.actors.heldBytes ?? 0
    if (bytes > memoryBytes)
      invariants.broken('I12 bounded memory', `${id} holds ${bytes} bytes, of ${memoryBytes}`)
  }
}

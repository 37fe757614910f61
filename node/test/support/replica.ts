import type { Identifier } from '@halfsecond/protocol'
import { type ProfileView, viewOf } from '../../src/core/profile-view.ts'
import type { ManualClock } from '../../src/memory/manual-clock.ts'
import { Actors } from '../../src/runtime/actors/actors.ts'
import type { Log, Store } from '../../src/runtime/ports.ts'
import { Checkpointer } from '../../src/runtime/shards/checkpointer.ts'
import { Shard } from '../../src/runtime/shards/shard.ts'
import { decodeDeadLetter } from '../../src/runtime/shards/shard-rows.ts'
import { FaultyStore } from './faulty-store.ts'
import { QuietObserver } from './quiet-observer.ts'

export interface World {
  readonly log: Log
  /** What survives a crash. */
  readonly disk: Store
  readonly clock: ManualClock
}

const roomy = 1024 ** 3

/** One life of a process that holds every shard of a log, from start to crash. */
export class Replica {
  readonly store: FaultyStore
  readonly actors: Actors
  readonly shards: readonly Shard[]
  readonly checkpointer: Checkpointer
  readonly observer = new QuietObserver()
  /** What became of following each shard up to the end of its log. */
  followed: readonly Promise<string>[] = []
  private readonly world: World

  private constructor(world: World, incarnations: readonly number[], budgetBytes: number) {
    const { log, clock } = world
    const { observer } = this
    this.world = world
    this.store = new FaultyStore(world.disk)
    const actors = new Actors(budgetBytes, observer)
    this.actors = actors
    this.shards = incarnations.map(
      (incarnation, number) =>
        new Shard(number, incarnation, this.store.shard(number), {
          log,
          actors,
          clock,
          observer,
        }),
    )
    this.checkpointer = new Checkpointer(
      this.shards,
      (shard) => this.store.shard(shard),
      clock,
      observer,
    )
  }

  /** Opens what is on disk and begins to follow; nothing is awaited but the log's extents. */
  static async start(world: World, budgetBytes = roomy): Promise<Replica> {
    const numbers = Array.from({ length: world.log.shards }, (_, shard) => shard)
    const extents = await Promise.all(numbers.map((shard) => world.log.extent(shard)))
    const replica = new Replica(
      world,
      extents.map(({ incarnation }) => incarnation),
      budgetBytes,
    )
    replica.followed = replica.shards.map((shard) =>
      shard.follow().then(
        () => 'followed',
        (error: Error) => error.message,
      ),
    )
    return replica
  }

  /** The only shard of a log of one. */
  get shard(): Shard {
    const [shard] = this.shards
    if (shard === undefined) throw new Error('a log has shards')
    return shard
  }

  /** Runs a checkpoint of everything to its end. */
  async flush(): Promise<void> {
    let isDone = false
    const flushed = this.checkpointer.flush().finally(() => {
      isDone = true
    })
    while (!isDone) await this.turn()
    await flushed
  }

  /** Lets what is due run, without time passing. */
  async turn(): Promise<void> {
    this.world.clock.advance(0)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** Lets time pass in small steps, so that what repeats itself does. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.world.clock.advance(100)
      await this.turn()
    }
  }

  /** The process is gone at once: what is not on disk is lost. */
  async crash(): Promise<void> {
    this.store.isDead = true
    await Promise.all(this.shards.map((shard) => shard.close()))
    void this.checkpointer.close()
  }

  view(shard: Shard, identifier: Identifier): ProfileView | undefined {
    const fragment = shard.read(identifier)
    const view = fragment && viewOf(fragment, shard.memory)
    shard.memory.used(identifier)
    this.actors.makeRoom()
    return view
  }

  /** Dead letters on disk, as `sequence.index`. */
  deadLetters(shard: Shard): string[] {
    return this.store
      .shard(shard.number)
      .deadLetters(1_000_000)
      .map((row) => decodeDeadLetter(row))
      .map(({ sequence, index }) => `${sequence}.${index}`)
  }
}

import type { Erased, Tombstone } from '../runtime/ports.ts'

/** What was erased, in memory, for tests and simulation. */
export class MemoryErased implements Erased {
  private readonly stones = new Map<string, Tombstone>()

  put(stone: Tombstone): Promise<void> {
    this.stones.set(`${stone.key} ${stone.eraseId}`, stone)
    return Promise.resolve()
  }

  get(key: string, eraseId: string): Promise<Tombstone | undefined> {
    return Promise.resolve(this.stones.get(`${key} ${eraseId}`))
  }

  async *since(_time: number): AsyncGenerator<Tombstone> {
    yield* [...this.stones.values()]
  }
}

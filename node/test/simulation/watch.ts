import type { Coverage } from './coverage.ts'
import type { Invariants } from './invariants.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Looks at all nodes after each step. */
export class Watch {
  private readonly nodes: readonly SimulatedNode[]
  private readonly invariants: Invariants
  private readonly coverage: Coverage
  private readonly now: () => number
  /** By shard: the life that led it last. */
  private readonly leaders: (string | undefined)[]
  /** By shard: whether two lives hold themselves for its primary. */
  private readonly isDouble: boolean[]
  /** By node and shard: since when it could answer. */
  private readonly answering = new Map<string, number>()

  constructor(
    nodes: readonly SimulatedNode[],
    shards: number,
    invariants: Invariants,
    coverage: Coverage,
    now: () => number,
  ) {
    this.nodes = nodes
    this.invariants = invariants
    this.coverage = coverage
    this.now = now
    this.leaders = Array.from({ length: shards }, () => undefined)
    this.isDouble = this.leaders.map(() => false)
  }

  look(): void {
    const led = this.leaders.map((): string[] => [])
    for (const node of this.nodes) {
      const { id, engine, life } = node
      for (const shard of engine?.shards ?? []) this.invariants.replica(id, shard)
      for (const number of this.leaders.keys()) {
        const shard = engine?.cluster.holdings.byNumber[number]
        const isFollowing = shard?.status === 'following' && shard.state.playbook.version > 0
        const key = `${id} ${number}`
        if (!node.isRunning || !isFollowing) this.answering.delete(key)
        else if (!this.answering.has(key)) this.answering.set(key, this.now())
        if (life?.isAlive && engine?.cluster.holdings.leads(number)) led[number]?.push(life.name)
      }
    }
    for (const [number, lives] of led.entries()) this.compare(number, lives)
  }

  /** Whether a node could have answered for a shard ever since. */
  hasAnswered(node: string, shard: number, since: number): boolean {
    return (this.answering.get(`${node} ${shard}`) ?? Number.POSITIVE_INFINITY) <= since
  }

  private compare(number: number, lives: readonly string[]): void {
    const isDouble = lives.length > 1
    if (isDouble && !this.isDouble[number]) this.coverage.count('double-primaries')
    this.isDouble[number] = isDouble
    const [life] = lives
    if (isDouble || life === undefined || life === this.leaders[number]) return
    if (this.leaders[number] !== undefined) this.coverage.count('promotions')
    this.leaders[number] = life
  }
}

import { HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Gauges, ShardGauges } from '../../src/telemetry/gauges.ts'
import { Telemetry } from '../../src/telemetry/telemetry.ts'

function makeTelemetry(isTTY = false) {
  const lines: string[] = []
  const telemetry = new Telemetry({
    version: '0.1.0',
    node: 'n1',
    level: 'info',
    output: { isTTY, write: (line) => lines.push(line) },
  })
  onTestFinished(() => telemetry.close())
  return { telemetry, lines }
}

async function samples(telemetry: Telemetry): Promise<Map<string, number>> {
  const lines = (await telemetry.metrics()).split('\n').filter((line) => /^[a-z]/.test(line))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

describe('metrics', () => {
  it('are shown as zero before anything happens', async () => {
    const { telemetry } = makeTelemetry()

    const all = await samples(telemetry)

    expect(all.get('halfsecond_records_total{result="applied"}')).toBe(0)
    expect(all.get('halfsecond_decide_errors_total{code="TIMEOUT"}')).toBe(0)
    expect(all.get('halfsecond_build_info{version="0.1.0",node="n1"}')).toBe(1)
  })

  it('count records and their age, but not entries without records', async () => {
    const { telemetry } = makeTelemetry()

    telemetry.observer.folded(0, 3, 1, 2, 4)
    telemetry.observer.folded(0, 0, 0, 0, 900)
    telemetry.observer.folded(0, 1, 0, 0, -50)

    const all = await samples(telemetry)
    expect(all.get('halfsecond_records_total{result="applied"}')).toBe(4)
    expect(all.get('halfsecond_records_total{result="skipped"}')).toBe(1)
    expect(all.get('halfsecond_records_total{result="rejected"}')).toBe(2)
    expect(all.get('halfsecond_record_age_seconds_bucket{le="0.001"}')).toBe(1)
    expect(all.get('halfsecond_record_age_seconds_bucket{le="0.005"}')).toBe(4)
    expect(all.get('halfsecond_record_age_seconds_count')).toBe(4)
    expect(all.get('halfsecond_record_age_seconds_sum')).toBeCloseTo(0.012)
  })

  it('count a value on the edge of a bucket in it', async () => {
    const { telemetry } = makeTelemetry()

    telemetry.observer.decided('web', 'rules', 'fresh', 0.01)

    const all = await samples(telemetry)
    const bucket = (le: string) =>
      all.get(
        `halfsecond_decide_duration_seconds_bucket{channel="web",freshness="fresh",le="${le}"}`,
      )
    expect([bucket('0.005'), bucket('0.01'), bucket('+Inf')]).toEqual([0, 1, 1])
    expect(all.get('halfsecond_decisions_total{channel="web",reason="rules"}')).toBe(1)
  })

  it('have few channels, whatever a playbook names', async () => {
    const { telemetry } = makeTelemetry()

    for (let i = 0; i < 500; i++) telemetry.observer.decided(`c${i}`, 'rules', 'fresh', 0.001)

    const all = await samples(telemetry)
    const channels = [...all].filter(([name]) => name.startsWith('halfsecond_decisions_total'))
    expect(channels).toHaveLength(9)
    expect(all.get('halfsecond_decisions_total{channel="other",reason="rules"}')).toBe(492)
    expect(all.size).toBeLessThan(1_500)
  })

  it('escape what an author named', async () => {
    const { telemetry } = makeTelemetry()

    telemetry.observer.decided('a"b\\c\nd', 'rules', 'fresh', 0.001)

    const text = await telemetry.metrics()
    expect(text).toContain('halfsecond_decisions_total{channel="a\\"b\\\\c\\nd",reason="rules"} 1')
  })

  it('count an error of no known code as UNAVAILABLE', async () => {
    const { telemetry } = makeTelemetry()

    telemetry.observer.questionFailed('OVERLOADED')
    telemetry.observer.questionFailed('text of a visitor')

    const all = await samples(telemetry)
    expect(all.get('halfsecond_decide_errors_total{code="OVERLOADED"}')).toBe(1)
    expect(all.get('halfsecond_decide_errors_total{code="UNAVAILABLE"}')).toBe(1)
  })

  it('count what other systems brought by what became of it', async () => {
    const { telemetry } = makeTelemetry()

    telemetry.observer.fed(4, 1)
    telemetry.observer.fed(2, 0)

    const all = await samples(telemetry)
    expect(all.get('halfsecond_feed_records_total{result="recorded"}')).toBe(6)
    expect(all.get('halfsecond_feed_records_total{result="refused"}')).toBe(1)
  })

  it('read gauges anew at every scrape', async () => {
    const { telemetry } = makeTelemetry()
    const shard: ShardGauges = {
      shard: 3,
      status: 'following',
      isLed: true,
      isCaughtUp: true,
      isSuspect: false,
      applied: 7,
      flushed: 5,
      lag: undefined,
      log: { bytes: 600, bytesMax: 1_000 },
    }
    const parked = { ...shard, shard: 4, status: 'parked', isLed: false, isCaughtUp: false, lag: 2 }
    const behind = { ...shard, shard: 5, isCaughtUp: false, isSuspect: true, log: undefined }
    let shards = [shard, parked, behind]
    let count = 10
    const gauges: Gauges = {
      get actors() {
        return { count, heldBytes: 1, budgetBytes: 2, arenaBytes: 3 }
      },
      shards: () => shards,
      cluster: {
        epoch: 9,
        nodes: 3,
        shards: 64,
        replicasWanted: 2,
        primaries: 20,
        standbys: 21,
        warming: 1,
        isCoordinator: true,
      },
      isReady: true,
      playbook: 2,
      model: { version: 4, ageSeconds: 5, beliefs: 6 },
      logReachable: false,
      isStoreFailing: true,
      store: async () => ({ usedBytes: 11, freeBytes: 12 }),
    }
    telemetry.watch(gauges)

    const before = await samples(telemetry)
    shards = [shard]
    count = 20
    const after = await samples(telemetry)

    expect(before.get('halfsecond_actors')).toBe(10)
    expect(after.get('halfsecond_actors')).toBe(20)
    expect(before.get('halfsecond_shards{state="parked"}')).toBe(1)
    expect(after.has('halfsecond_shards{state="parked"}')).toBe(false)
    expect(before.get('halfsecond_shard_lag_entries{shard="4"}')).toBe(2)
    expect(after.get('halfsecond_shard_applied_sequence{shard="3"}')).toBe(7)
    expect(after.get('halfsecond_lmdb_free_bytes')).toBe(12)
    expect(after.get('halfsecond_log_reachable')).toBe(0)
    expect(before.get('halfsecond_shards_behind')).toBe(1)
    expect(before.get('halfsecond_shards_suspect')).toBe(1)
    expect(after.get('halfsecond_shards_suspect')).toBe(0)
    expect(before.get('halfsecond_shard_leads{shard="4"}')).toBe(0)
    expect(before.get('halfsecond_shard_caught_up{shard="3"}')).toBe(1)
    expect(before.get('halfsecond_shard_log_bytes{shard="3"}')).toBe(600)
    expect(before.has('halfsecond_shard_log_bytes{shard="5"}')).toBe(false)
    expect(before.get('halfsecond_replicas{role="standby"}')).toBe(21)
    expect(before.get('halfsecond_coordinator')).toBe(1)
    expect(before.get('halfsecond_store_failing')).toBe(1)
  })

  it('count promotions, copies, trims and what webhooks are sent', async () => {
    const { telemetry } = makeTelemetry()

    telemetry.observer.promoted(3, 0.2)
    telemetry.observer.snapshotCopied(4, 5_000, 12)
    telemetry.observer.snapshotCopied(5, 1_000, 2)
    telemetry.observer.trimmed(3, 90_001)
    for (const one of ['refused', 'refused', 'taken'] as const) telemetry.observer.posted(one)

    const all = await samples(telemetry)
    expect(all.get('halfsecond_promotion_seconds_bucket{le="0.1"}')).toBe(0)
    expect(all.get('halfsecond_promotion_seconds_bucket{le="0.25"}')).toBe(1)
    expect(all.get('halfsecond_snapshot_seconds_sum')).toBe(14)
    expect(all.get('halfsecond_snapshot_bytes_total')).toBe(6_000)
    expect(all.get('halfsecond_log_trims_total')).toBe(1)
    expect(all.get('halfsecond_webhook_posts_total{result="refused"}')).toBe(2)
    expect(all.get('halfsecond_webhook_posts_total{result="taken"}')).toBe(1)
    expect(all.get('halfsecond_webhook_posts_total{result="dead"}')).toBe(0)
  })

  it('tell how late the event loop was', async () => {
    const { telemetry } = makeTelemetry()
    await telemetry.metrics()

    await new Promise<void>((resolve) => setTimeout(resolve, 5))
    const until = performance.now() + 40
    while (performance.now() < until);
    await new Promise<void>((resolve) => setTimeout(resolve, 5))

    const all = await samples(telemetry)
    expect(all.get('halfsecond_loop_delay_seconds{quantile="1"}')).toBeGreaterThan(0.03)
  })
})

describe('logs', () => {
  it('are one JSON object per line', () => {
    const { telemetry, lines } = makeTelemetry()

    telemetry.observer.noted('warn', 'NATS is away', { shard: 3 })

    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      node: 'n1',
      shard: 3,
      msg: 'NATS is away',
    })
  })

  it('are text where a person watches', () => {
    const { telemetry, lines } = makeTelemetry(true)

    telemetry.observer.noted('error', 'shard parked', { shard: 3, why: 'no such row' })

    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d .*error.* shard parked shard=3 why="no such row"\n$/)
  })

  it('hold back what repeats, each text apart', () => {
    const { telemetry, lines } = makeTelemetry()

    for (let i = 0; i < 1_000; i++) telemetry.observer.noted('warn', 'again')
    telemetry.observer.noted('warn', 'something else')

    expect(lines).toHaveLength(6)
  })

  it('tell an expected failure by its code and an unexpected one with its stack', () => {
    const { telemetry, lines } = makeTelemetry()

    telemetry.observer.failed('checkpoint', new HalfsecondError('UNAVAILABLE', 'disk full'))
    telemetry.observer.failed('fold', new TypeError('x is not a function'))

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'warn',
      msg: 'failed: checkpoint',
      code: 'UNAVAILABLE',
      error: 'disk full',
    })
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({
      level: 'error',
      stack: expect.stringContaining('TypeError'),
    })
  })
})

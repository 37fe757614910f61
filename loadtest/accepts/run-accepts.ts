import { readFile } from 'node:fs/promises'
import { connect } from '@halfsecond/client'
import { ChaosCluster } from '../chaos/cluster.ts'
import { killNodes } from '../chaos/kill-nodes.ts'
import { publishPlaybook } from '../lib/cluster.ts'
import type { Figures } from '../lib/figures.ts'
import { tokenKeys } from '../lib/node-process.ts'
import { acceptAll, type Counts } from './accept-all.ts'

const playbookPath = new URL('./playbook.yaml', import.meta.url)

/** Of the kills, which go on until enough was accepted. */
const longestSeconds = 3_600

/** Until the newest playbook decides on every shard. */
const activeMaxMs = 30_000

/** Accepts on a cluster of three nodes whose nodes are killed, one after the other, all the time. */
export async function runAccepts(figures: Figures, trials: number, shards: number): Promise<void> {
  const names = ['accepts', 'accepts-respected', 'kills']
  await figures.take(names, async () => {
    const cluster = await ChaosCluster.start({ shards })
    const open = (channel: string) => connect(cluster.nats.url, { channel, tokenKeys })
    const [web, call] = [open('web'), open('call')]
    try {
      await publishPlaybook(cluster.adminUrl, await readFile(playbookPath, 'utf8'))
      await Promise.all([web.ready(activeMaxMs), call.ready(activeMaxMs)])
      const stage = { figures, seconds: longestSeconds, rate: 0, shards, cluster }
      let kills = 0
      let isDone = false
      const killing = killNodes.run({
        ...stage,
        get until() {
          return isDone ? 0 : performance.now() + 1
        },
        fault: (what) => {
          kills++
          figures.note(`accepts: ${what}`)
        },
      })
      const counts = await acceptAll(web, call, trials, (done) =>
        figures.note(`${done} of ${trials} acceptances`),
      )
      isDone = true
      await killing
      judge(figures, counts, kills)
    } finally {
      await Promise.all([web.close(0), call.close(0)])
      await cluster.stop()
    }
  })
}

function judge(figures: Figures, counts: Counts, kills: number): void {
  const { trials, violations, ...others } = counts
  const conditions = { scenario: 'accepts', nodes: 3, ...others }
  const respected = trials - violations
  figures.add({ figure: 'accepts', value: trials, unit: '', with: conditions })
  figures.add({
    figure: 'accepts-respected',
    value: respected,
    unit: '',
    atLeast: trials,
    with: conditions,
  })
  const atLeast = Math.max(1, Math.floor(trials / 10_000))
  figures.add({ figure: 'kills', value: kills, unit: '', atLeast, with: conditions })
}

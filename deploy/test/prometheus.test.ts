import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { metricsIn, prometheusFolder, readAlerts, readPanels } from './monitoring.ts'
import { needs, promtool } from './requirements.ts'
import { shownMetrics } from './shown-metrics.ts'

const run = promisify(execFile)

describe('the alert rules', () => {
  it('use only metrics that a node shows', async () => {
    const shown = await shownMetrics()
    const used = metricsIn((await readAlerts()).map(({ text }) => text).join('\n'))

    expect(used.length).toBeGreaterThan(15)
    expect(used.filter((name) => !shown.has(name))).toEqual([])
  })

  it('are all tried: a case that they come in, and none in a night without trouble', async () => {
    const cases = await readFile(join(prometheusFolder, 'rules.test.yml'), 'utf8')
    const [calm = '', ...others] = cases.split('  - name: ').slice(1)

    for (const { name } of await readAlerts()) {
      expect(calm, name).toContain(`alertname: ${name}, eval_time: 32m }`)
      const own = others.find((text) => text.startsWith(`${name}\n`)) ?? ''
      expect(own, name).toContain(`alertname: ${name}\n`)
      expect(own, name).toContain('exp_alerts:')
    }
  })

  it('either wake somebody up or wait for the morning', async () => {
    for (const { name, text } of await readAlerts())
      expect(text, name).toMatch(/labels: \{ severity: (?:page|ticket) \}/)
  })
})

describe('promtool', needs(promtool), () => {
  it('understands configuration and rules', async () => {
    const { stdout } = await run('promtool', ['check', 'config', configPath('prometheus.yml')])

    expect(stdout).toContain(`${(await readAlerts()).length} rules found`)
  })

  it('sees every alert come when it should, and not before', async () => {
    const { stdout } = await run('promtool', ['test', 'rules', configPath('rules.test.yml')])

    expect(stdout).toContain('SUCCESS')
  })

  it('understands every query of the dashboard', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'halfsecond-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const queries = (await readPanels()).flatMap((panel) => panel.queries)
    const rules = queries.map((query, i) => ({ record: `query:${i}`, expr: asGrafanaFills(query) }))
    const path = join(folder, 'queries.yml')
    // JSON is YAML.
    await writeFile(path, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))

    const { stdout } = await run('promtool', ['check', 'rules', path])

    expect(stdout).toContain(`SUCCESS: ${queries.length} rules found`)
  })
})

function configPath(name: string): string {
  return join(prometheusFolder, name)
}

function asGrafanaFills(query: string): string {
  return query.replaceAll('$__rate_interval', '1m').replaceAll('$job', 'halfsecond')
}

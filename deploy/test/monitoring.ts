import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'

/** What is watched, as text and as queries. */

const root = join(import.meta.dirname, '..', '..')

export const prometheusFolder = join(root, 'deploy', 'prometheus')

export interface Alert {
  readonly name: string
  readonly text: string
}

export async function readOperations(): Promise<string> {
  return readFile(join(root, 'docs', 'operations.md'), 'utf8')
}

/** The alerts of the rules, each with the lines of its own. */
export async function readAlerts(): Promise<readonly Alert[]> {
  const rules = await readFile(join(prometheusFolder, 'rules.yml'), 'utf8')
  const [, ...blocks] = rules.split('- alert: ')
  return blocks.map((text) => ({ name: text.slice(0, text.indexOf('\n')), text }))
}

export interface Panel {
  readonly title: string
  readonly type: string
  readonly description: string
  readonly queries: readonly string[]
}

export async function readPanels(): Promise<readonly Panel[]> {
  const path = join(root, 'deploy', 'grafana', 'dashboards', 'halfsecond.json')
  const dashboard: unknown = JSON.parse(await readFile(path, 'utf8'))
  return listIn(dashboard, 'panels').map((panel) => ({
    title: textIn(panel, 'title'),
    type: textIn(panel, 'type'),
    description: textIn(panel, 'description'),
    queries: listIn(panel, 'targets').map((target) => textIn(target, 'expr')),
  }))
}

/** Names of metrics in queries; those that Prometheus itself makes are not ours to check. */
export function metricsIn(text: string): readonly string[] {
  const names = text.match(/\b(?:halfsecond|process|nodejs)_[a-z0-9_]+/g) ?? []
  return [...new Set(names.map((name) => name.replace(/_(?:bucket|count|sum)$/, '')))].sort()
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = isFields(value) ? value[name] : undefined
  return Array.isArray(list) ? list : []
}

function textIn(value: unknown, name: string): string {
  const text = isFields(value) ? value[name] : undefined
  return typeof text === 'string' ? text : ''
}

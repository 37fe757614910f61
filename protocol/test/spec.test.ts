import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  bounds,
  builtInNamespaces,
  channelKinds,
  outcomes,
  reasons,
  reservedNames,
  retryableByCode,
  strengths,
  subjects,
} from '../src/index.ts'

const spec = readFileSync(new URL('../spec.md', import.meta.url), 'utf8')

/** Cells of the rows of the table with this header. */
function tableOf(...header: readonly string[]): string[][] {
  const rows = spec.split('\n').map(cellsOf)
  const start = rows.findIndex((cells) => header.every((name, i) => cells[i] === name))
  const body = rows.slice(start + 2)
  const end = body.findIndex((cells) => cells.length === 0)
  return start < 0 ? [] : body.slice(0, end)
}

function cellsOf(line: string): string[] {
  if (!line.startsWith('|')) return []
  const cells = line.split(/(?<!\\)\|/).slice(1, -1)
  return cells.map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'))
}

describe('the specification', () => {
  it('has every bound with its value and its reason', () => {
    const rows = tableOf('bound', 'value')

    expect(rows.map(([name, value]) => [name, Number(value)])).toStrictEqual(Object.entries(bounds))
    expect(rows.filter(([, , reason = '']) => reason.length < 10)).toStrictEqual([])
  })

  it('has every error code, whether to retry, and what to do', () => {
    const rows = tableOf('code', 'retry', 'HTTP')

    expect(rows.map(([code, retry]) => [code, retry])).toStrictEqual(
      Object.entries(retryableByCode).map(([code, retry]) => [code, retry ? 'yes' : 'no']),
    )
    expect(rows.filter(([, , , , advice = '']) => advice.length < 10)).toStrictEqual([])
  })

  it('has the built-in namespaces', () => {
    const rows = tableOf('namespace', 'class', 'rank')

    expect(rows).toStrictEqual(
      [...builtInNamespaces.values()].map((one) => [
        one.name,
        one.class,
        String(one.rank),
        one.normalise,
      ]),
    )
  })

  it('has every kind of record', () => {
    expect(tableOf('kind', 'fields', 'meaning').map(([kind]) => kind)).toStrictEqual(channelKinds)
    expect(tableOf('kind', 'fields', 'effect when folded').map(([kind]) => kind)).toStrictEqual([
      'primary',
      'tick',
      'playbook',
      'barrier',
      'identity',
      'sent',
      'expire',
      'judge',
      'segment',
      'grant',
    ])
  })

  it('has every subject and stream', () => {
    const names = [
      subjects.log(0).replace(/0$/, '<shard>'),
      subjects.own(0).replace(/0$/, '<shard>'),
      subjects.decide('<id>'),
      subjects.mapGet,
      subjects.feed,
      subjects.map,
      subjects.peer('<id>'),
      subjects.control('<id>'),
      subjects.beat('<id>'),
      subjects.beats,
      subjects.signal(0).replace(/0$/, '<shard>'),
      subjects.signals,
      subjects.signalStream,
      subjects.decision(0).replace(/0$/, '<partition>'),
      subjects.decisionLeft(0, 1).replace(/0\.1$/, '<partition>.<hour>'),
      subjects.decisions,
      subjects.decisionStream,
      subjects.model,
      subjects.modelStream,
      subjects.stream(0).replace(/0$/, '<shard>'),
    ]

    expect(names).toHaveLength(Object.keys(subjects).length)
    expect(tableOf('subject, stream', 'who → whom').map(([name]) => name)).toStrictEqual(names)
  })

  it('names every outcome, strength, reason and reserved name', () => {
    const words = [...outcomes, ...strengths, ...reasons, ...reservedNames]

    expect(words.filter((word) => !spec.includes(`\`${word}\``))).toStrictEqual([])
  })

  it('refers to every file of vectors, and to no other', () => {
    const linked = spec.matchAll(/\(vectors\/([\w-]+\.json)\)/g)
    const files = readdirSync(new URL('../vectors/', import.meta.url))

    expect([...linked].map(([, file]) => file).sort()).toStrictEqual(
      files.filter((file) => file.endsWith('.json')).sort(),
    )
  })
})

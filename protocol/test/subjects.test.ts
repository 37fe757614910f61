import { describe, expect, it } from 'vitest'
import { nodeIdPattern, subjects } from '../src/subjects.ts'

describe('subjects', () => {
  it('are made of numbers and node ids only', () => {
    expect([
      subjects.log(7),
      subjects.own(255),
      subjects.decide('n1'),
      subjects.peer('n1'),
      subjects.map,
      subjects.mapGet,
      subjects.stream(0),
    ]).toStrictEqual([
      'hs.log.7',
      'hs.own.255',
      'hs.node.n1.decide',
      'hs.node.n1.peer',
      'hs.map',
      'hs.map.get',
      'HS-LOG-0',
    ])
  })

  it.each(['', 'a.b', '*', '>', 'a b', 'é', 'a\n', 'x'.repeat(33)])('take no node id %j', (id) => {
    expect(nodeIdPattern.test(id)).toBe(false)
  })
})

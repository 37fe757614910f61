import type { Fact, Placement, Segment } from '../core/decision/playbook.ts'
import type { PlaybookDocument } from './document.ts'
import { didYouMean } from './faults.ts'
import type { PlaybookSource } from './source.ts'

/** Placements that entering one segment decides for: all that it triggers goes into one record. */
const triggersPerSegmentMax = 4

/** What other systems are told of; faults in it go to the document. */
export function segmentsOf(
  source: PlaybookSource,
  facts: readonly Fact[],
  placements: ReadonlyMap<string, Placement>,
  document: PlaybookDocument,
): readonly Segment[] {
  const triggers = triggersOf(source, placements, document)
  const names = source.segments ?? []
  return names.flatMap((name, at) => {
    const fact = facts.findIndex((one) => one.name === name)
    const fault =
      fact < 0
        ? `no fact "${name}"${didYouMean(
            name,
            facts.map((one) => one.name),
          )}`
        : names.indexOf(name) < at
          ? 'this segment is here twice'
          : dependsOnRequest(name, facts, new Set())
            ? 'this fact asks where content is shown; whether somebody is in a segment does not depend on that'
            : undefined
    if (fault === undefined) return [{ name, fact, triggers: triggers.get(name) ?? [] }]
    document.add(['segments', at], fault)
    return []
  })
}

function triggersOf(
  { segments = [], triggers = [] }: PlaybookSource,
  placements: ReadonlyMap<string, Placement>,
  document: PlaybookDocument,
): ReadonlyMap<string, readonly Placement[]> {
  const bySegment = new Map<string, Placement[]>()
  for (const [index, { when, at }] of triggers.entries()) {
    const [, segment] = /^\s*entered\(\s*(\w+)\s*\)\s*$/.exec(when) ?? []
    const placement = placements.get(at)
    if (segment === undefined)
      document.add(['triggers', index, 'when'], 'a trigger begins with entered(SEGMENT)')
    else if (!segments.includes(segment))
      document.add(
        ['triggers', index, 'when'],
        `no segment "${segment}"${didYouMean(segment, segments) || ': list the fact under segments'}`,
      )
    if (placement === undefined)
      document.add(
        ['triggers', index, 'at'],
        `no placement "${at}"${didYouMean(at, placements.keys())}`,
      )
    if (segment === undefined || placement === undefined) continue
    const others = bySegment.get(segment) ?? []
    if (others.includes(placement)) document.add(['triggers', index], 'this trigger is here twice')
    else if (others.length === triggersPerSegmentMax)
      document.add(
        ['triggers', index],
        `entering a segment triggers at most ${triggersPerSegmentMax} decisions`,
      )
    bySegment.set(segment, [...others, placement])
  }
  return bySegment
}

/** Whether a fact, or one that it refers to, reads `channel` or `placement`. */
function dependsOnRequest(name: string, facts: readonly Fact[], seen: Set<string>): boolean {
  if (seen.has(name)) return false
  seen.add(name)
  const reads = facts.find((one) => one.name === name)?.condition.reads ?? []
  return reads.some(
    ({ kind, text }) =>
      kind === 'request' ||
      kind === 'arm' ||
      (kind === 'fact' && dependsOnRequest(text, facts, seen)),
  )
}

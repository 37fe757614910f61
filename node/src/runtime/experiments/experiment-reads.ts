import {
  type FragmentId,
  identifierIn,
  isFields,
  isFragmentId,
  shardOf,
} from '@halfsecond/protocol'
import type { Ground } from '../../core/fragment/evolve.ts'
import type { Fragment } from '../../core/fragment/fragment.ts'
import { type ExperimentFacts, factsOf } from '../../core/learning/experiment-facts.ts'
import { type ExperimentSums, ExperimentTally } from '../../core/learning/experiment-sums.ts'
import { isRoot } from '../../core/segment/take-segment.ts'
import { linesIn } from '../identity/lines.ts'
import { type Pulse, pulse, pulseEvery } from '../identity/pulse.ts'
import type { Profiles } from '../profiles.ts'
import type { ReadRequest } from '../reads.ts'
import { askedAtOnce, askedOf, type ExperimentRead, questionIn } from './experiment-messages.ts'

export interface ExperimentReadsDependencies {
  readonly profiles: Pick<Profiles, 'each' | 'peek'>
  readonly shards: number
  /** Answers from whichever node holds the shard. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
}

/** What a root's own timeline says, and who else is in the profile. */
interface Person {
  readonly own: ExperimentFacts | undefined
  readonly members: readonly FragmentId[]
}

/** Facts of a fragment, under its name. */
export interface NamedFacts extends ExperimentFacts {
  readonly id: FragmentId
}

type Reading = Pick<Ground, 'arena' | 'chunks'>

/**
 * What the people of a shard did in an experiment. Each counts at the shard of the profile's root;
 * what other fragments of the profile say is asked of their homes. Nothing of it stays in memory,
 * and decides have their turn after each few rows.
 */
export class ExperimentReads {
  private readonly uses: ExperimentReadsDependencies

  constructor(uses: ExperimentReadsDependencies) {
    this.uses = uses
  }

  /** Rejects with `MOVED` where the shard is not here, `UNAVAILABLE` where a home does not answer. */
  read(request: ExperimentRead): AsyncGenerator<ExperimentSums | NamedFacts | Pulse> {
    return request.what === 'experimentSums' ? this.sums(request) : this.facts(request)
  }

  private async *sums(
    request: ExperimentRead & { readonly what: 'experimentSums' },
  ): AsyncGenerator<ExperimentSums | Pulse> {
    const tally = new ExperimentTally(questionIn(request))
    const look = this.looker(request)
    const people = this.uses.profiles.each<Person>(request.shard, (fragment, ground) => {
      if (!isRoot(fragment)) return undefined
      const members = [...(fragment.ties?.members ?? [])]
      return { own: look(fragment, ground, members.length === 0), members }
    })
    let several: Person[] = []
    let seen = 0
    for await (const person of people) {
      if (++seen % pulseEvery === 0) yield pulse
      if (person.members.length > 0) several.push(person)
      else if (person.own) tally.add([person.own])
      else tally.addNobody()
      if (several.length < askedAtOnce) continue
      yield* this.addJoined(several, request, tally)
      several = []
    }
    yield* this.addJoined(several, request, tally)
    yield tally.sums()
  }

  /** Adds persons of several fragments, after asking the homes of all of them. */
  private async *addJoined(
    people: readonly Person[],
    request: ExperimentRead,
    tally: ExperimentTally,
  ): AsyncGenerator<Pulse> {
    const found = new Map<FragmentId, ExperimentFacts>()
    const all = people.flatMap(({ members }) => members)
    for (const [shard, ids] of Map.groupBy(all, (id) =>
      shardOf(identifierIn(id), this.uses.shards),
    ))
      for (let i = 0; i < ids.length; i += askedAtOnce) {
        for await (const facts of this.ask(shard, ids.slice(i, i + askedAtOnce), request))
          found.set(facts.id, facts)
        yield pulse
      }
    for (const { own, members } of people)
      tally.add([own, ...members.map((id) => found.get(id))].filter((one) => one !== undefined))
  }

  private async *ask(
    shard: number,
    ids: readonly FragmentId[],
    request: ExperimentRead,
  ): AsyncGenerator<NamedFacts> {
    const asked = askedOf(questionIn(request))
    const answer = this.uses.read({ what: 'experimentFacts', shard, ids, ...asked })
    for await (const line of linesIn(answer)) {
      const facts = factsIn(line)
      if (facts) yield facts
    }
  }

  private async *facts(
    request: ExperimentRead & { readonly what: 'experimentFacts' },
  ): AsyncGenerator<NamedFacts> {
    const look = this.looker(request)
    const found = this.uses.profiles.peek(request.ids, (fragment, ground) => {
      const facts = look(fragment, ground, false)
      return facts && { id: fragment.identifier, ...facts }
    })
    yield* found
  }

  private looker(request: ExperimentRead) {
    const question = questionIn(request)
    const words = new Map<string, Buffer>()
    const mentions = (bytes: Uint8Array, word: string) => {
      const known = words.get(word) ?? Buffer.from(word)
      words.set(word, known)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(known)
    }
    return (fragment: Fragment, ground: Reading, isAlone: boolean) =>
      factsOf(fragment, ground, question, mentions, isAlone)
  }
}

/** Facts as another node tells them. */
function factsIn(line: unknown): NamedFacts | undefined {
  if (!isFields(line)) return undefined
  const { id, shown, done } = line
  if (!isFragmentId(id) || !Array.isArray(shown) || !Array.isArray(done)) return undefined
  return {
    id,
    shown: shown.flatMap((one: unknown) => {
      const [arm, at]: unknown[] = Array.isArray(one) ? one : []
      return typeof arm === 'string' && typeof at === 'number' ? [[arm, at] as const] : []
    }),
    done: done.map((times: unknown) =>
      Array.isArray(times) ? times.filter((time) => typeof time === 'number') : [],
    ),
  }
}

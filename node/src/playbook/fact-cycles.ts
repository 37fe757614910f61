/**
 * The facts that need themselves to be known.
 * @param uses of each fact, by its place: the facts that it refers to
 */
export function factCycles(uses: readonly ReadonlySet<number>[]): readonly number[] {
  return uses.map((_, fact) => fact).filter((fact) => reaches(fact, fact, uses, new Set()))
}

function reaches(
  from: number,
  target: number,
  uses: readonly ReadonlySet<number>[],
  seen: Set<number>,
): boolean {
  for (const next of uses[from] ?? []) {
    if (next === target) return true
    if (seen.has(next)) continue
    seen.add(next)
    if (reaches(next, target, uses, seen)) return true
  }
  return false
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** Milliseconds of text like `30m`, `14d` or `90s`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^([1-9]\d{0,5})([smhdw])$/.exec(text)
  const count = match?.[1]
  const unit = match?.[2]
  if (count === undefined || !isUnit(unit)) return undefined
  return Number(count) * unitMs[unit]
}

function isUnit(text: string | undefined): text is keyof typeof unitMs {
  return text !== undefined && Object.hasOwn(unitMs, text)
}

const named = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/** A duration for people, in the largest unit that it is whole in: `7 days`, `1 hour`, `90 minutes`. */
export function durationInWords(ms: number): string {
  const [name, unitMs] = named.find(([, unitMs]) => ms > 0 && ms % unitMs === 0) ?? ['ms', 1]
  const count = ms / unitMs
  return `${count} ${name}${count === 1 || unitMs === 1 ? '' : 's'}`
}

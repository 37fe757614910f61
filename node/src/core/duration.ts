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

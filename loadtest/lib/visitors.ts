/** Draws the numbers of visitors, from 0 to `count` − 1. */
export type Draw = () => number

export function drawOf(distribution: string, count: number): Draw {
  if (distribution === 'uniform') return () => Math.floor(Math.random() * count)
  if (distribution === 'zipf') return zipf(count)
  throw new TypeError(`no distribution ${distribution}: uniform or zipf`)
}

/**
 * Zipf's law with exponent 1 by inversion of its continuous form: rank r has a density of 1/r, so
 * ranks are count^u for a uniform u. Ranks are spread over the numbers, or the busiest visitors
 * would share a shard.
 */
function zipf(count: number): Draw {
  const logCount = Math.log(count)
  return () => {
    const rank = Math.floor(Math.exp(Math.random() * logCount))
    return (Math.imul(rank, 0x9e3779b1) >>> 0) % count
  }
}

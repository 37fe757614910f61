/** Reads the Prometheus text format: `name{labels}` → value. */
export function readMetrics(text: string): ReadonlyMap<string, number> {
  const metrics = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const space = line.lastIndexOf(' ')
    metrics.set(line.slice(0, space), Number(line.slice(space + 1)))
  }
  return metrics
}

import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/*
 * V8 marks a heap that grows slowly, as a node's does, whenever a tenth came to it, and its threads
 * take every core meanwhile: two of them for 100 to 250 ms at 70 MB, and all that is asked then waits.
 * So there may be as much garbage as there is alive, and in a small heap more: it is marked a few
 * times while it fills, and then once in minutes. Near the heap's maximum V8 marks as it would.
 */
const growingPercent = 100

/** So much may come to a small heap; what a node takes for its visitors is many times that. */
const roomBytes = 128 * 1024 * 1024

/** What may come to a heap is told to V8 as a share of it: the share is looked at so often. */
const lookMs = 1_000

/** From now on the heap of this process may grow so far before it is marked. Returns what ends that. */
export function markSeldom(): () => void {
  let told = 0
  const tell = () => {
    const share = Math.round((100 * roomBytes) / getHeapStatistics().used_heap_size)
    const percent = Math.max(growingPercent, share)
    if (percent === told) return
    told = percent
    setFlagsFromString(`--heap-growing-percent=${percent}`)
  }
  tell()
  const timer = setInterval(tell, lookMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Channels are named by the playbook's author: labels all the same, but only so many. */
const channelsMax = 8

/** Cells of (channel, word), made on first use. Channels beyond the maximum count as `other`. */
export class ChannelCells {
  private readonly known = new Map<string, Map<string, number>>()
  private readonly make: (channel: string, word: string) => number

  constructor(make: (channel: string, word: string) => number) {
    this.make = make
  }

  /** Found without making an object, once it is known. */
  cell(channel: string, word: string): number {
    const cells = this.known.get(channel)
    if (cells === undefined) return this.cellOfNew(channel, word)
    const cell = cells.get(word)
    return cell ?? this.add(cells, channel, word)
  }

  private cellOfNew(channel: string, word: string): number {
    if (this.known.size >= channelsMax && channel !== 'other') return this.cell('other', word)
    const cells = new Map<string, number>()
    this.known.set(channel, cells)
    return this.add(cells, channel, word)
  }

  private add(cells: Map<string, number>, channel: string, word: string): number {
    const cell = this.make(channel, word)
    cells.set(word, cell)
    return cell
  }
}

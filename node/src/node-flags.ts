/**
 * Flags of Node.js that a node is started with.
 *
 * V8 has four helper threads however few cores there are: while they mark or move what is in memory,
 * a node of two cores is late by several milliseconds. 0 makes them one less than the cores.
 */
export const nodeFlags: readonly string[] = ['--v8-pool-size=0']

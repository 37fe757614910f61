/**
 * Stands for nothing in what is read: who reads through very much and finds little says with it that
 * it goes on, so that whoever waits for a part of the answer gets one in time.
 */
export const pulse: unique symbol = Symbol('pulse')
export type Pulse = typeof pulse

/** Fragments read between two signs of life: some ten milliseconds. */
export const pulseEvery = 1_000

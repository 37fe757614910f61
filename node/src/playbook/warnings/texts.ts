import { isFields } from '@halfsecond/protocol'

/** All texts in the values of a text, at any depth. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  const inner: readonly unknown[] = Array.isArray(value)
    ? value
    : isFields(value)
      ? Object.values(value)
      : []
  return inner.flatMap(textsIn)
}

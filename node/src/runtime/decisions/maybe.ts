/** What is there at once, or comes: where all is in memory a decide makes no promise. */
export type Maybe<T> = T | Promise<T>

export function after<T, U>(value: Maybe<T>, then: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(then) : then(value)
}

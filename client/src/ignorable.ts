/**
 * Lets a caller ignore the promise: then its failure is nobody's, where Node would end the process
 * over it. Who awaits it still gets the failure.
 */
export function ignorable<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore)
  return promise
}

function ignore(): void {}

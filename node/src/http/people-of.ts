import type { NodeApi } from '../runtime/node-api.ts'
import { People } from '../runtime/people/people.ts'

/** Reads persons through whichever node is asked, and lets its other work go on meanwhile. */
export function peopleOf(api: NodeApi): People {
  return new People({
    read: (request) => api.read(request),
    namespaces: api.namespaces,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  })
}

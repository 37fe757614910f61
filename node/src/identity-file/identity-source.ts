import type { Namespace } from '@halfsecond/protocol'

/** An identity configuration as its author wrote it; `identity.schema.json` says the same. */
export interface IdentitySource {
  readonly identity: string
  readonly namespaces?: { readonly [name: string]: NamespaceSource }
}

export interface NamespaceSource {
  readonly class?: Namespace['class']
  readonly rank?: number
  readonly normalise?: Namespace['normalise']
  readonly unique?: boolean
  readonly max?: number
  readonly per?: string
  readonly verified?: boolean
  readonly popular?: number
  readonly blocked?: readonly string[]
}

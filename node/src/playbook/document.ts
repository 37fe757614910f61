import { readFileSync } from 'node:fs'
import type { PlaybookSource } from './source.ts'
import { formOf, type Path, SourceDocument } from './source-document.ts'

export type { Path }

/** A playbook as YAML or JSON text, larger than any that a person writes. */
export const playbookBytesMax = 1024 * 1024

export const playbookSchema: object = JSON.parse(
  readFileSync(new URL('./playbook.schema.json', import.meta.url), 'utf8'),
)

const form = formOf<PlaybookSource>(playbookSchema, 'playbooks')

/** A parsed playbook text. */
export class PlaybookDocument extends SourceDocument<PlaybookSource> {
  /** @param known the values of the text, where it was read without a fault before */
  constructor(text: string, known?: unknown) {
    super(text, form, known)
  }
}

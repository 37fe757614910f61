import type { PlaybookTexts } from '../runtime/catalogues/playbook-compiler.ts'
import { catalogueVersionsOf, withCatalogueVersions } from './catalogue-versions.ts'
import { compilePlaybook } from './compile-playbook.ts'

/** What the runtime does with the texts that authors write. */
export const playbookTexts: PlaybookTexts = {
  compile: compilePlaybook,
  catalogueVersionsOf,
  withCatalogueVersions,
}

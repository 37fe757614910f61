import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import {
  catalogueVersionsOf,
  withCatalogueVersions,
} from '../../src/playbook/catalogue-versions.ts'

const hash = 'a'.repeat(64)
const other = 'b'.repeat(64)

const text = `# what a shop shows
playbook: shop
catalogues:
  shop: { fields: { category: string } }   # imported every night
placements: {}
`

describe('the versions that a playbook is bound to', () => {
  it('stand in its text, which is otherwise as its author wrote it', () => {
    const bound = withCatalogueVersions(text, new Map([['shop', hash]]))

    expect(bound.startsWith(text)).toBe(true)
    expect(catalogueVersionsOf(text)).toEqual(new Map([['shop', undefined]]))
    expect(catalogueVersionsOf(bound)).toEqual(new Map([['shop', hash]]))
  })

  it('are replaced by later ones', () => {
    const bound = withCatalogueVersions(text, new Map([['shop', hash]]))
    const rebound = withCatalogueVersions(bound, new Map([['shop', other]]))

    expect(catalogueVersionsOf(rebound)).toEqual(new Map([['shop', other]]))
    expect(rebound).toContain('# imported every night')
  })

  it('stand in JSON, too', () => {
    const json = JSON.stringify(parse(text))

    const bound = withCatalogueVersions(json, new Map([['shop', hash]]))

    expect(catalogueVersionsOf(bound)).toEqual(new Map([['shop', hash]]))
  })

  it('are none in what is no playbook, or has no catalogue', () => {
    for (const one of ['', '[]', 'a: [', 'playbook: shop', 'catalogues: 3'])
      expect(catalogueVersionsOf(one)).toEqual(new Map())
  })
})

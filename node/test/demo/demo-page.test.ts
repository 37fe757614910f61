import { parseIdentifier } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { demoPage, isDemoVisitor } from '../../src/demo/demo-page.ts'
import { startDemoNode } from './support/demo-node.ts'

describe('the page of the first run', () => {
  it('is one file: no module is left to load, and no address of another host is in it', () => {
    const page = demoPage()

    expect(page).toMatch(/^<!doctype html>/)
    expect(page.match(/^\s*(import|export)\b/gm)).toBeNull()
    expect(page.match(/<(script|link|img)\b[^>]*\b(src|href)="(?!data:)/g)).toBeNull()
    expect(page.replaceAll("xmlns='http://www.w3.org/2000/svg'", '')).not.toMatch(/https?:\/\//)
  })

  it('is served on the public port, and explains only visitors that it made up', async () => {
    const { url } = await startDemoNode()
    const statusOf = async (path: string) => (await fetch(url + path)).status

    expect(await statusOf('/')).toBe(200)
    expect(await statusOf('/v1/profiles/user:demo-anna-1/why')).toBe(200)
    expect(await statusOf('/v1/profiles/user:17/why')).toBe(403)
    expect(await statusOf('/v1/profiles/user:demo-anna-1')).toBe(404)
  })

  it('counts nobody else as its own', () => {
    const own = ['anon:demo-1', 'user:demo-anna-1']
    const others = ['crm:demo-1', 'email:demo-1@example.org', 'user:17', 'anon:x:demo-1']

    expect(own.map((text) => isDemoVisitor(parseIdentifier(text)))).toEqual([true, true])
    expect(others.map((text) => isDemoVisitor(parseIdentifier(text)))).not.toContain(true)
  })
})

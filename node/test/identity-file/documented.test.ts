import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { builtInRules } from '../../src/core/identity/rules.ts'
import { identitySchema, readIdentity } from '../../src/identity-file/read-identity.ts'
import { execute } from '../cli/support/command.ts'

const page = readFileSync(new URL('../../../docs/identity.md', import.meta.url), 'utf8')

it('the documented file is good', () => {
  const [, text = ''] = /```yaml\n([^`]+)```/.exec(page) ?? []

  expect(readIdentity(text).namespaces.find(({ name }) => name === 'anon')).toMatchObject({
    max: 5,
    windowMs: 7 * 86_400_000,
  })
})

it('every key is documented', () => {
  const keys = Object.keys(Object(identitySchema).$defs.namespace.properties)

  expect(keys.filter((key) => !new RegExp(`^\\|[^|]*\`${key}\``, 'm').test(page))).toEqual([])
})

it.each([...builtInRules.byNamespace])('the rules of %s are documented', (name, rule) => {
  const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``))

  expect(row).toContain(`| ${rule.max.toLocaleString('en')}`)
  expect(row).toContain(` ${rule.popularMax.toLocaleString('en')} |`)
  expect(row?.includes('authenticated')).toBe(rule.verifiedOnly)
})

it('the documented commands exist', async () => {
  const commands = [...page.matchAll(/^npx halfsecond (\w+ \w+)/gm)].map(
    ([, command = '']) => command,
  )

  expect(commands.length).toBeGreaterThan(0)
  for (const command of commands)
    expect(await execute([...command.split(' '), '--help'])).toMatchObject({ code: 0 })
})

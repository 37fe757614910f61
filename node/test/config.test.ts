import { describe, expect, it } from 'vitest'
import { readConfig, settings } from '../src/config.ts'

function faultsOf(env: { [name: string]: string }): string {
  try {
    readConfig(env)
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  return 'no fault'
}

describe('readConfig', () => {
  it('runs embedded on localhost where nothing is set', () => {
    const { config, warnings } = readConfig({})

    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 7500,
      adminHost: '127.0.0.1',
      adminPort: 7501,
      dataDir: './data',
      natsUrl: undefined,
      shards: 16,
      tokenKeys: undefined,
      logLevel: 'info',
    })
    expect(config.memoryBytes).toBeGreaterThan(16 * 1024 ** 2)
    expect(config.nodeId).toMatch(/^[\w-]{1,32}$/)
    expect(Object.isFrozen(config)).toBe(true)
    expect(warnings).toEqual([])
  })

  it('has 64 shards on NATS, and warns where tokens cannot be checked elsewhere', () => {
    const { config, warnings } = readConfig({ HALFSECOND_NATS_URL: 'nats://127.0.0.1:4222' })

    expect(config.shards).toBe(64)
    expect(warnings).toEqual([expect.stringContaining('HALFSECOND_TOKEN_KEYS')])
  })

  it('takes a flag before the environment and the environment before the default', () => {
    const env = { HALFSECOND_PORT: '8000', HALFSECOND_ADMIN_PORT: '8001' }

    const { config } = readConfig(env, { port: '9000', dataDir: undefined })

    expect(config).toMatchObject({ port: 9000, adminPort: 8001, dataDir: './data' })
  })

  it('counts an empty value as none', () => {
    expect(readConfig({ HALFSECOND_PORT: '', HALFSECOND_NATS_URL: '' }).config).toMatchObject({
      port: 7500,
      natsUrl: undefined,
    })
  })

  it('reads sizes with units', () => {
    expect(readConfig({ HALFSECOND_MEMORY_BYTES: '64MiB' }).config.memoryBytes).toBe(67_108_864)
    expect(readConfig({ HALFSECOND_MEMORY_BYTES: '67108864' }).config.memoryBytes).toBe(67_108_864)
  })

  it('lists everything that is wrong in one error', () => {
    const message = faultsOf({
      HALFSECOND_PORT: '75000',
      HALFSECOND_SHARDS: '48',
      HALFSECOND_LOG_LEVEL: 'loud',
    })

    expect(message).toContain('HALFSECOND_PORT: "75000"')
    expect(message).toContain('HALFSECOND_SHARDS: "48"')
    expect(message).toContain('HALFSECOND_LOG_LEVEL: "loud"')
  })

  it.each([
    ['HALFSECOND_PORT', '-1'],
    ['HALFSECOND_PORT', '7e3'],
    ['HALFSECOND_SHARDS', '512'],
    ['HALFSECOND_REPLICAS', '2'],
    ['HALFSECOND_HOST', 'a b'],
    ['HALFSECOND_NATS_URL', 'http://127.0.0.1:4222'],
    ['HALFSECOND_NATS_URL', 'nats://a:4222,b:4222'],
    ['HALFSECOND_NATS_URL', 'nats://u:p:q@a:4222'],
    ['HALFSECOND_MEMORY_BYTES', '12'],
    ['HALFSECOND_MEMORY_BYTES', '9999999GiB'],
    ['HALFSECOND_NODE_ID', 'a.b'],
    ['HALFSECOND_NODE_ID', 'x'.repeat(33)],
    ['HALFSECOND_LOG_LEVEL', 'INFO'],
    ['HALFSECOND_ADMIN_PORT', '7500'],
  ])('refuses %s=%s', (name, value) => {
    expect(faultsOf({ [name]: value })).toContain(name)
  })

  it('does not print a faulty token key', () => {
    const message = faultsOf({ HALFSECOND_TOKEN_KEYS: 'a:c2VjcmV0' })

    expect(message).toContain('HALFSECOND_TOKEN_KEYS')
    expect(message).not.toContain('c2VjcmV0')
  })

  it('does not print the password in a faulty address', () => {
    const message = faultsOf({ HALFSECOND_NATS_URL: 'nats://node:hidden:@a:4222' })

    expect(message).toContain('HALFSECOND_NATS_URL')
    expect(message).not.toContain('hidden')
  })

  it('warns of names that nobody reads, and says which was meant', () => {
    const { warnings } = readConfig({
      HALFSECOND_PROT: '1',
      HALFSECOND_XYZZY_PLUGH: '1',
      PATH: '/',
    })

    expect(warnings).toEqual([
      expect.stringContaining('"HALFSECOND_PORT"'),
      'HALFSECOND_XYZZY_PLUGH is not a setting; it is ignored',
    ])
  })

  it('knows the names that other programs read', () => {
    const others = ['URL', 'ADMIN_URL', 'COOKIE_KEYS', 'NATS_SERVER', 'K6', 'REFERENCE']
    const env = Object.fromEntries(others.map((name) => [`HALFSECOND_${name}`, 'x']))

    expect(readConfig(env).warnings).toEqual([])
  })

  it('gives every setting a name of its own', () => {
    const names = Object.values(settings).map(({ name }) => name)

    expect(new Set(names).size).toBe(names.length)
  })
})

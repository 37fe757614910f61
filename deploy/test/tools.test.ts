import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cachedPath, findTool, k6, natsServer, readPin, toolPath } from '../tools.ts'

describe('the search for a tool', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'halfsecond-'))
    vi.stubEnv('PATH', join(folder, 'bin'))
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
    vi.stubEnv(natsServer.variable, '')
  })

  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true })
  })

  it('reads the pinned version of both', () => {
    expect(readPin(natsServer).version).toMatch(/^v2\.\d+\.\d+$/)
    expect(readPin(k6).version).toMatch(/^v2\.\d+\.\d+$/)
  })

  it('takes the named one before any other, whatever its version', async () => {
    const named = await makeProgram(join(folder, 'mine'), 'v0.0.1')
    await makeProgram(cachedPath(natsServer), readPin(natsServer).version)
    vi.stubEnv(natsServer.variable, named)

    expect(findTool(natsServer)).toBe(named)
  })

  it('refuses a name that is no program', () => {
    vi.stubEnv(natsServer.variable, join(folder, 'absent'))

    expect(() => findTool(natsServer)).toThrow('HALFSECOND_NATS_SERVER')
  })

  it('takes one on PATH of the pinned minor version or newer', async () => {
    const path = await makeProgram(join(folder, 'bin', 'nats-server'), 'nats-server: v2.99.0')

    expect(findTool(natsServer)).toBe(path)
  })

  it.each(['v2.9.10', 'v3.0.0', 'no version'])('passes over %s on PATH', async (version) => {
    await makeProgram(join(folder, 'bin', 'nats-server'), version)
    const cached = await makeProgram(cachedPath(natsServer), readPin(natsServer).version)

    expect(findTool(natsServer)).toBe(cached)
  })

  it('says what to install where there is none, and no Go to build one', async () => {
    const path = toolPath(natsServer)

    await expect(path).rejects.toThrow(/install Go.*HALFSECOND_NATS_SERVER/)
  })

  it('leaves nothing in the cache if the build fails', async () => {
    const go = join(folder, 'bin', 'go')
    await makeProgram(go, 'go: no such module', 'exit 1')

    const path = toolPath(natsServer)

    await expect(path).rejects.toThrow('go build failed\ngo: no such module')
    expect(findTool(natsServer)).toBeUndefined()
  })
})

/** A program that says one line, on both outputs. */
async function makeProgram(path: string, says: string, then = ''): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho '${says}'\necho '${says}' >&2\n${then}\n`)
  await chmod(path, 0o755)
  return path
}

import { execFileSync } from 'node:child_process'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { buildTool } from './build-tool.ts'

/*
 * The two programs that tests, measurements and the local cluster run besides Node: nats-server and
 * k6. Each is pinned by the `tool` line of a Go module of its own, so that Go's checksums guard it.
 */

export interface Tool {
  readonly name: string
  /** Names a binary to use as it is. */
  readonly variable: string
  /** The folder of the Go module that pins it. */
  readonly module: string
  /** What its own command for the version is called. */
  readonly versionArgument: string
}

export const natsServer: Tool = {
  name: 'nats-server',
  variable: 'HALFSECOND_NATS_SERVER',
  module: join(import.meta.dirname, 'nats-server'),
  versionArgument: '--version',
}

export const k6: Tool = {
  name: 'k6',
  variable: 'HALFSECOND_K6',
  module: join(import.meta.dirname, '..', 'loadtest', 'k6'),
  versionArgument: 'version',
}

/** Path of nats-server; builds it where there is none. Rejects with what to install. */
export function natsServerPath(): Promise<string> {
  return toolPath(natsServer)
}

/** Path of k6; builds it where there is none. Rejects with what to install. */
export function k6Path(): Promise<string> {
  return toolPath(k6)
}

export async function toolPath(tool: Tool): Promise<string> {
  const found = findTool(tool)
  if (found !== undefined) return found
  const { packagePath, version } = readPin(tool)
  if (findOnPath('go') === undefined) throw new Error(howToInstall(tool))
  const path = cachedPath(tool)
  await buildTool({ name: tool.name, module: tool.module, packagePath, version, path })
  return path
}

/**
 * What is there already, without building: the variable's, one on PATH of at least the pinned
 * minor version, or the cached build. Throws if the variable names no program.
 */
export function findTool(tool: Tool): string | undefined {
  const named = process.env[tool.variable]
  if (named !== undefined && named !== '') {
    if (!isProgram(named)) throw new Error(`${tool.variable}=${named} is no program`)
    return named
  }
  const onPath = findOnPath(tool.name)
  if (onPath !== undefined && isRecent(onPath, tool)) return onPath
  const cached = cachedPath(tool)
  return isProgram(cached) ? cached : undefined
}

export function howToInstall(tool: Tool): string {
  const { version } = readPin(tool)
  return (
    `${tool.name} ${version} is missing: install Go (it is built once into a cache of yours), ` +
    `put ${tool.name} ${version} or newer on PATH, or name one in ${tool.variable}`
  )
}

interface Pin {
  readonly packagePath: string
  /** As Go writes it: v1.2.3. */
  readonly version: string
}

export function readPin(tool: Tool): Pin {
  const file = join(tool.module, 'go.mod')
  const text = readFileSync(file, 'utf8')
  const packagePath = /^tool (\S+)$/m.exec(text)?.[1]
  if (packagePath === undefined) throw new Error(`${file} has no tool line`)
  const required = text.split('\n').find((line) => line.trim().startsWith(`${packagePath} v`))
  const version = required?.trim().split(' ')[1]
  if (version === undefined) throw new Error(`${file} requires no version of ${packagePath}`)
  return { packagePath, version }
}

/** The version is part of the name, so that checkouts of different age share the folder in peace. */
export function cachedPath(tool: Tool): string {
  const root = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(root, 'halfsecond', `${tool.name}-${readPin(tool).version}`)
}

export function findOnPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, program)).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function isRecent(path: string, tool: Tool): boolean {
  const [pinnedMajor, pinnedMinor] = majorAndMinor(readPin(tool).version)
  const [major, minor] = majorAndMinor(versionOf(path, tool))
  return major === pinnedMajor && minor >= pinnedMinor
}

function versionOf(path: string, tool: Tool): string {
  try {
    return execFileSync(path, [tool.versionArgument], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    return ''
  }
}

function majorAndMinor(text: string): readonly [number, number] {
  const found = /v?(\d+)\.(\d+)\.\d+/.exec(text)
  return [Number(found?.[1] ?? -1), Number(found?.[2] ?? -1)]
}

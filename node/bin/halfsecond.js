#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/*
 * Starts the `halfsecond` command under a Node that runs TypeScript as it is. This file is
 * JavaScript, and plain, because an older Node has to read it.
 */

const nodeMin = [24, 12]

const main = join(import.meta.dirname, '..', 'src', 'main.ts')

/** As in `src/node-flags.ts`. */
const flags = ['--v8-pool-size=0']

if (isRecent(process.versions.node)) {
  if (!isTuned() && process.platform !== 'win32') replaceBy(process.execPath)
  await import(pathToFileURL(main).href)
} else {
  const node = installedNode()
  if (node === undefined) {
    process.stderr.write(
      `halfsecond needs Node ${nodeMin.join('.')} or newer; this is ${process.versions.node}, ` +
        'and npm installed no other. Install Node 24, or run `npm ci` without --omit=optional.\n',
    )
    process.exitCode = 1
  } else {
    runUnder(node)
  }
}

/** @param {string} version */
function isRecent(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin = 0, minorMin = 0] = nodeMin
  return major > majorMin || (major === majorMin && minor >= minorMin)
}

/** The Node that npm brought with this package, where there is one for this platform. */
function installedNode() {
  const { resolve } = createRequire(import.meta.url)
  try {
    const manifest = resolve(`node-${process.platform}-${process.arch}/package.json`)
    const node = join(dirname(manifest), 'bin', 'node')
    return existsSync(node) ? node : undefined
  } catch {
    return undefined
  }
}

/** Whether somebody said how many helper threads V8 has. */
function isTuned() {
  const { execArgv, env } = process
  return [...execArgv, env.NODE_OPTIONS ?? ''].some((text) => text.includes('--v8-pool-size'))
}

/**
 * The same process goes on with the flags.
 * @param {string} node
 */
function replaceBy(node) {
  const { execArgv, argv, env } = process
  process.execve?.(node, [node, ...execArgv, ...flags, main, ...argv.slice(2)], env)
}

/** @param {string} node */
function runUnder(node) {
  const child = spawn(node, [...flags, main, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both of us; a second one would mean "at once".
      if (signal !== 'SIGINT' || !isOnTerminal()) child.kill(signal)
    })
  }
  child.once('error', (error) => {
    process.stderr.write(`halfsecond: cannot run ${node}: ${error.message}\n`)
    process.exitCode = 1
  })
  child.once('close', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
  })
}

function isOnTerminal() {
  return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
}

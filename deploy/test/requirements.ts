import { accessSync } from 'node:fs'
import { join } from 'node:path'
import { findOnPath, findTool, howToInstall, k6, natsServer, type Tool } from '../tools.ts'

/*
 * What some tests need of the machine that runs them. Where it is absent they are skipped, each
 * with what to install:
 *
 *   describe('the log on a real server', needs(realNatsServer), () => { … })
 *
 * With CI=true a skipped test is a failure, unless its requirement is excused.
 */

declare module 'vitest' {
  interface TaskMeta {
    requirement?: Requirement
  }
}

export interface Requirement {
  readonly isMet: boolean
  /** A sentence for whoever sees the test skipped. */
  readonly remedy: string
  /** Not everybody who has git, npm and Go can have it. */
  readonly isExcused: boolean
}

/** The folder of reference data: logs, and programs that count them in their own way. */
export const referenceFolder = process.env.HALFSECOND_REFERENCE ?? ''

/** A Chromium to drive, as the distribution installs it; empty where there is none. */
export const chromiumPath =
  process.env.HALFSECOND_CHROMIUM ??
  findOnPath('chromium') ??
  findOnPath('chromium-browser') ??
  findOnPath('google-chrome') ??
  ''

export const realNatsServer = toolRequirement(natsServer)

export const realK6 = toolRequirement(k6)

export const referenceData: Requirement = {
  isMet:
    exists(join(referenceFolder, 'accept', 'access_log_recount.py')) &&
    findOnPath('python3') !== undefined,
  remedy:
    'the reference data is missing: name its folder in HALFSECOND_REFERENCE, and install python3',
  isExcused: true,
}

/** Logged recommendations of a shop with their true propensities, as `halfsecond backtest` reads them. */
export const openBanditData: Requirement = {
  isMet: exists(join(referenceFolder, 'data', 'open-bandit-bts-men.csv.gz')),
  remedy: 'the reference data is missing: name its folder in HALFSECOND_REFERENCE',
  isExcused: true,
}

export const browser: Requirement = {
  isMet: exists(chromiumPath),
  remedy: 'a browser is missing: install chromium, or name one in HALFSECOND_CHROMIUM',
  isExcused: true,
}

export const promtool: Requirement = {
  isMet: findOnPath('promtool') !== undefined,
  remedy: 'promtool is missing: install prometheus, as Debian has it',
  isExcused: true,
}

/** Options of a `describe` or an `it` that cannot run without. */
export function needs(requirement: Requirement) {
  return { skip: !requirement.isMet, meta: { requirement } }
}

function toolRequirement(tool: Tool): Requirement {
  return { isMet: findTool(tool) !== undefined, remedy: howToInstall(tool), isExcused: false }
}

function exists(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}

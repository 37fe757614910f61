import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Requirement } from './requirements.ts'

/** The least versions that the libraries promise to run on. */
const versions = ['20.19.0', '22.12.0']

/** Paths of older Nodes, oldest first; none where the package registry does not answer. */
export async function installOlderNodes(folder: string): Promise<readonly string[]> {
  const project = join(folder, 'nodes')
  await mkdir(project)
  await writeFile(join(project, 'package.json'), '{}')
  const packages = versions.map(
    (version) => `node-${version}@npm:node-${process.platform}-${process.arch}@${version}`,
  )
  try {
    await npm(project, ['install', ...packages])
  } catch {
    return []
  }
  return versions.map((version) => join(project, 'node_modules', `node-${version}`, 'bin', 'node'))
}

export function olderNodes(installed: readonly string[]): Requirement {
  return {
    isMet: installed.length > 0,
    remedy: 'older Nodes are missing: they come from the package registry, which did not answer',
    isExcused: false,
  }
}

/** npm in a project of its own: nothing that the npm around this test says may reach it. */
export async function npm(project: string, args: readonly string[]): Promise<void> {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'))
  await promisify(execFile)(
    'npm',
    [...args, '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'],
    { cwd: project, env: Object.fromEntries(env), timeout: 120_000 },
  )
}

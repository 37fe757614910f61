import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a commit must have so that its nodes can be beside those of this one. */
const clusterPath = 'node/src/runtime/cluster/cluster.ts'

const maxBuffer = 2 ** 30

/** Our own packages: a version uses its own. */
const own = '@halfsecond'

/**
 * Unpacks another commit below `dir`, with the libraries of this one, and gives its `node-child.ts`.
 * @param revision the commit before this one where undefined
 * @throws Error that says why there is none
 */
export function previousProgram(dir: string, revision = 'HEAD~1'): URL {
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: root, maxBuffer })
  try {
    git('cat-file', '-e', `${revision}:${clusterPath}`)
  } catch {
    throw new Error(`${revision} is no version with a cluster: there is nothing to upgrade from`)
  }
  const tree = join(dir, 'previous')
  const libraries = join(tree, 'node_modules')
  mkdirSync(join(libraries, own), { recursive: true })
  const archive = git(
    'archive',
    revision,
    'protocol',
    'client',
    'node',
    'loadtest',
    'deploy',
    'package.json',
  )
  execFileSync('tar', ['-x', '-C', tree], { input: archive })
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== own) symlinkSync(join(root, 'node_modules', name), join(libraries, name))
  for (const name of ['protocol', 'client', 'node'])
    symlinkSync(join(tree, name), join(libraries, own, name))
  return pathToFileURL(join(tree, 'loadtest', 'lib', 'node-child.ts'))
}

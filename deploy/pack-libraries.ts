import { execFile } from 'node:child_process'
import {
  access,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const root = join(import.meta.dirname, '..')

/** What is published, each after what it imports. */
const libraries = ['protocol', 'client'] as const

type Library = (typeof libraries)[number]

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/**
 * Builds the published libraries and packs each into a tarball in the folder; resolves with their
 * paths. In the workspaces they run from source, so a package is staged apart, with exports that
 * point to what was built. The build is ESM, which `require` loads too on Node 20.19 and newer.
 */
export async function packLibraries(folder: string): Promise<readonly string[]> {
  await mkdir(join(root, 'dist'), { recursive: true })
  await mkdir(folder, { recursive: true })
  const stage = await mkdtemp(join(root, 'dist', 'stage-'))
  try {
    const tarballs: string[] = []
    for (const library of libraries) tarballs.push(await packLibrary(library, stage, folder))
    return tarballs
  } finally {
    await rm(stage, { recursive: true })
  }
}

async function packLibrary(library: Library, stage: string, folder: string): Promise<string> {
  const source = join(root, library)
  const target = join(stage, library)
  const manifest = await readManifest(library)
  await mkdir(target)
  await compile(library, stage)
  for (const entry of Object.values(manifest.exports)) await access(join(target, built(entry)))
  await writeFile(
    join(target, 'package.json'),
    `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`,
  )
  await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'))
  for (const entry of await readdir(source))
    if (isDocument(entry)) await cp(join(source, entry), join(target, entry), { recursive: true })
  await run('npm', ['pack', target, '--pack-destination', folder, '--ignore-scripts'])
  return join(folder, `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`)
}

/** What a reader of the package follows a link to; the vectors are for other implementations. */
function isDocument(entry: string): boolean {
  return entry.endsWith('.md') || entry === 'vectors'
}

async function compile(library: Library, stage: string): Promise<void> {
  const source = join(root, library)
  const config = {
    extends: join(source, 'tsconfig.build.json'),
    compilerOptions: {
      rootDir: join(source, 'src'),
      outDir: join(stage, library, 'dist'),
      // What is built reads what was built before it, as those who install it will.
      paths: await builtPaths(stage),
    },
    include: [join(source, 'src')],
  }
  const path = join(stage, `tsconfig.${library}.json`)
  await writeFile(path, JSON.stringify(config))
  await run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', path]).catch((error) => {
    throw new Error(`${library} does not compile:\n${error.stdout}`, { cause: error })
  })
}

async function builtPaths(stage: string): Promise<Record<string, string[]>> {
  const { name, exports } = await readManifest('protocol')
  return Object.fromEntries(
    Object.entries(exports).map(([subpath, entry]) => [
      join(name, subpath),
      [join(stage, 'protocol', declared(entry))],
    ]),
  )
}

function publishedManifest(manifest: Manifest): Record<string, unknown> {
  const { devDependencies: _, exports, ...kept } = manifest
  return {
    ...kept,
    files: ['dist', '*.md', 'vectors/*.json'],
    exports: Object.fromEntries(
      Object.entries(exports).map(([subpath, entry]) => [
        subpath,
        { types: declared(entry), default: built(entry) },
      ]),
    ),
  }
}

function built(entry: string): string {
  return entry.replace('./src/', './dist/').replace(/\.ts$/, '.js')
}

function declared(entry: string): string {
  return built(entry).replace(/\.js$/, '.d.ts')
}

async function readManifest(library: Library): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, library, 'package.json'), 'utf8'))
}

import { join, relative } from 'node:path'
import { packLibraries } from './pack-libraries.ts'

/* Packs the published libraries into dist/ or the folder that is named, ready for `npm install` or `npm publish`. */

const folder = process.argv[2] ?? join(import.meta.dirname, '..', 'dist')

for (const tarball of await packLibraries(folder)) {
  process.stdout.write(`${relative(process.cwd(), tarball)}\n`)
}

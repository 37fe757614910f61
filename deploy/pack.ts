import { join, relative } from 'node:path'
import { packLibraries } from './pack-libraries.ts'

/* Packs the published libraries into dist/, ready for `npm install` or `npm publish`. */

for (const tarball of await packLibraries(join(import.meta.dirname, '..', 'dist'))) {
  process.stdout.write(`${relative(process.cwd(), tarball)}\n`)
}

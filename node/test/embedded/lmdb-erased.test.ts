import { join } from 'node:path'
import { LmdbErased } from '../../src/embedded/lmdb-erased.ts'
import { erasedSuite } from '../suites/erased-suite.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
let opened = 0

erasedSuite('what was erased, on LMDB', () => {
  const erased = new LmdbErased(join(folder, `erased-${opened++}`))
  return Promise.resolve({ erased, close: () => erased.close() })
})

import { join } from 'node:path'
import { LmdbCoordination } from '../../src/embedded/lmdb-coordination.ts'
import { coordinationSuite } from '../suites/coordination-suite.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
let opened = 0

coordinationSuite(
  'coordination on LMDB',
  () => {
    const path = join(folder, `coordination-${opened++}`)
    let coordination = new LmdbCoordination(path)
    return Promise.resolve({
      coordination,
      another: async () => {
        await coordination.close()
        coordination = new LmdbCoordination(path)
        return coordination
      },
      close: () => coordination.close(),
    })
  },
  { can: ['another'] },
)

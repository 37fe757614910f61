import { MemoryErased } from '../../src/memory/memory-erased.ts'
import { erasedSuite } from '../suites/erased-suite.ts'

erasedSuite('what was erased, in memory', () =>
  Promise.resolve({ erased: new MemoryErased(), close: () => Promise.resolve() }),
)

import { InProcessBus } from '../../src/embedded/in-process-bus.ts'
import { busSuite } from '../suites/bus-suite.ts'
import { QuietObserver } from '../support/quiet-observer.ts'

busSuite(
  'the bus within a process',
  () => {
    const observer = new QuietObserver()
    const bus = new InProcessBus(observer)
    return Promise.resolve({
      bus,
      failures: observer.failures,
      settled: () => Promise.resolve(),
      close: () => bus.close(),
    })
  },
  { can: [] },
)

import { defineConfig } from 'vitest/config'
import { ClosingLine } from './deploy/test/closing-line.ts'

const isStrict = process.env.CI === 'true'

export default defineConfig({
  test: {
    include: ['*/test/**/*.test.ts'],
    // A process per file: native modules, and servers that end with who started them.
    pool: 'forks',
    // Small machines run the whole suite; more workers only make timings worse there.
    maxWorkers: 2,
    // Above the waits inside tests, whose failures say more, on a machine that others keep busy.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Focus is for the keyboard only.
    allowOnly: !isStrict,
    reporters: ['default', new ClosingLine(isStrict, (text) => process.stdout.write(text))],
  },
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // Runs in threads and processes of its own only, from dist/, where it cannot be measured:
      // tests/integration/worker/isolate.test.ts holds it to what it promises.
      exclude: ['src/worker/isolated-entry.ts'],
      reporter: ['text-summary', 'json-summary'],
      reportsDirectory: 'coverage',
      reportOnFailure: true,
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // What they wait for is a busy machine, never time.
          testTimeout: 30_000,
          include: ['tests/*.test.ts', 'tests/unit/**/*.test.ts', 'tests/properties/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['tests/{integration,conformance,regression,docs}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'examples',
          include: ['examples/*/tests/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // The built package under its own name, as an application has it.
          server: { deps: { external: [/\/dist\//] } },
        },
      },
      {
        extends: true,
        test: {
          // The same scenarios of the reference application by two worker processes on a Redis of each file's own.
          name: 'examples-on-redis',
          include: [
            'examples/reflector/tests/{api,calendars,file-pipeline,housekeeping,inventory}.test.ts',
            'examples/reflector/tests/{live-pipeline,meetings,operator,recordings,webhooks,zulip-and-consent}.test.ts',
            'examples/reflector/tests/redis/*.test.ts',
          ],
          setupFiles: 'examples/reflector/tests/redis/setup.ts',
          testTimeout: 120_000,
          hookTimeout: 60_000,
          server: { deps: { external: [/\/dist\//] } },
        },
      },
    ],
  },
})

import { defineConfig } from 'vitest/config';

// Run by ../environments.test.ts, inside throw-away namespaces: an environment is driven there in the test's own
// process, which needs a cgroup2 mount that the machine may not have.
export default defineConfig({
  test: {
    root: new URL('../../..', import.meta.url).pathname,
    include: ['test/node/environments/*.suite.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});

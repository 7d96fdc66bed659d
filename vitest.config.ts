import { defineConfig } from 'vitest/config';

/** A whole installation under systemd takes 15 to 40 minutes where processors are emulated: scripts/test --all. */
const LONG = ['test/vm/install.test.ts'];

// Three tiers (see test/README.md): unit needs no privilege, node needs root, vm boots Debian kernels in QEMU.
export default defineConfig({
  test: {
    projects: [
      // Programs that tests start take seconds on a machine that has much else to do.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'node',
          include: ['test/node/**/*.test.ts'],
          globalSetup: ['test/node/leftovers.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          exclude: LONG,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // An emulated machine keeps one processor busy; more of them than two would starve each other.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'vm-long',
          include: LONG,
          testTimeout: 3_300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scratch } from './harness.ts';

interface Report {
  testResults: {
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/**
 * Runs a suite of environments/ in mount, network and pid namespaces of its own, with a cgroup2 mount. They die with
 * this process, whatever happens inside. Their first process is one that reaps, as a machine's is.
 */
async function runInside(suite: string): Promise<Report['testResults']> {
  const folder = scratch('report');
  const command = `mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up && exec "$@"`;
  const vitest = [
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    `environments/${suite}.suite.ts`,
  ];
  const child = spawn(
    'unshare',
    [
      ...['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'],
      ...['--', 'catatonit', '--', 'sh', '-c', command, 'sh', ...vitest],
      ...['--config', 'test/node/environments/vitest.config.ts', '--reporter=json'],
      `--outputFile=${folder}/report.json`,
    ],
    { cwd: new URL('../..', import.meta.url).pathname, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (data) => {
    said = (said + data).slice(-4000);
  });
  await once(child, 'close');
  try {
    return (JSON.parse(readFileSync(`${folder}/report.json`, 'utf8')) as Report).testResults;
  } catch (cause) {
    throw new Error(`the suite ${suite} gave no report: ${said}`, { cause });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('environments behave alike', () => {
  it.each(['namespaces', 'docker'])('%s', { timeout: 600_000 }, async (suite) => {
    const files = await runInside(suite);
    const tests = files.flatMap((file) => file.assertionResults);
    const failures = tests
      .filter(({ status }) => status !== 'passed')
      .map(({ fullName, status, failureMessages }) => `${fullName}: ${status} ${failureMessages.join('\n')}`);
    expect([...files.map(({ message }) => message).filter(Boolean), ...failures]).toEqual([]);
    expect(tests.length).toBeGreaterThan(25);
  });
});

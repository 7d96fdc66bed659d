import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { NO_LIMITS } from '../../netns/network-limits.ts';
import { loopbackNetwork } from '../../netns/sliver-network.ts';

it('brings loopback up in another network namespace, and is back in its own', async () => {
  const home = readlinkSync('/proc/self/ns/net');
  const there = spawn(
    'unshare',
    ['--net', '--', 'sh', '-c', 'echo; read _; cat /sys/class/net/lo/flags 2>/dev/null; ip -o link show lo'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  await once(there.stdout, 'data');
  const network = loopbackNetwork('a test');
  await network.attach(1, there.pid ?? 0, NO_LIMITS);
  await network.attach(1, there.pid ?? 0, NO_LIMITS); // what is done is left alone
  expect(readlinkSync('/proc/self/ns/net')).toBe(home);
  let text = '';
  there.stdout.on('data', (data) => {
    text += data;
  });
  there.stdin.end('\n');
  await once(there, 'close');
  expect(text).toMatch(/lo: <LOOPBACK,UP,LOWER_UP>/);
});

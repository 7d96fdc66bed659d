import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { until } from '../../node/harness.ts';
import { makeKey, sshOptions } from '../../node/ssh.ts';
import { CGROUP, existing, importSmallImage, ok, PATIENCE, startNode, stopNode, tell } from './node.ts';

// In the test VM, since the controllers are needed: what the node runs for the sessions of a slice is bounded, and who is at
// the bound keeps nobody else out.
const KEY = '/run/key';
makeKey(KEY);
const words = (slice: string) => [
  ...sshOptions(KEY).map((word) => word.replace('ConnectTimeout=10', 'ConnectTimeout=120')),
  `${slice}@127.0.0.1`,
];
const ssh = (slice: string) => {
  const { status, stdout, stderr } = spawnSync('ssh', [...words(slice), 'echo here'], {
    encoding: 'utf8',
    input: '',
  });
  return { status, stdout, stderr };
};
const access = (file: string) => `${CGROUP}/s1-access/${file}`;
const number = (file: string) => Number(readFileSync(access(file), 'utf8'));

// Of a machine's /var this one has nothing.
for (const folder of ['/var/lib/extrausers', '/var/log']) mkdirSync(folder, { recursive: true });
await startNode('access: {port: 2222}\n');
await importSmallImage();
const keys = [readFileSync(`${KEY}.pub`, 'utf8').trim()];
for (const name of ['acc_hog', 'acc_calm']) await ok('POST', '/v1/slivers', { name, image: 'small', keys });
await until(() => ssh('acc_calm').status === 0, 'the door to open', 120_000);
tell('bounds', { pids: number('pids.max'), memory: number('memory.max') });

// The same bound by fewer processes: so many as a session that lasts has.
const client = spawn('ssh', [...words('acc_hog'), 'sleep 1000'], { stdio: 'ignore' });
await until(async () => (await ok('GET', '/v1/sessions')).items.length === 1, 'a session', PATIENCE);
await until(() => number('pids.current') === 3, 'its login shell', PATIENCE);
const usual = readFileSync(access('pids.max'), 'utf8');
writeFileSync(access('pids.max'), '6');
tell('pids', { full: ssh('acc_hog'), calm: ssh('acc_calm'), left: number('pids.current') });
writeFileSync(access('pids.max'), usual);
tell('again', ssh('acc_hog'));

// Memory: the kernel ends processes of these sessions, and nobody else's.
const memory = readFileSync(access('memory.max'), 'utf8');
writeFileSync(access('memory.max'), String(256 << 10));
const full = ssh('acc_hog');
const calm = ssh('acc_calm');
const events = readFileSync(access('memory.events'), 'utf8');
writeFileSync(access('memory.max'), memory);
client.kill();
tell('memory', { full, calm, events, again: ssh('acc_hog') });

for (const name of ['acc_hog', 'acc_calm']) await ok('DELETE', `/v1/slivers/${name}`);
await stopNode();
tell('left', existing());

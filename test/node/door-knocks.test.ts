import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeText } from '../../daemon/cli/output/node.ts';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';
import { World } from './world.ts';

// Where slivers share the node's address, and its rules count who knocks (netns/ruleset/knocks.ts): 240, then one a second.
const ADDRESS = '198.51.100.10';
const ADDRESS6 = '2001:db8::10';
const home = scratch('knocks');
let world: World;
let node: TestNode;

const login = (source: string, to = ADDRESS) => {
  const words = [...sshOptions(`${home}/key`), '-b', source, `k_one@${to}`, 'cat /etc/slicename'];
  return world.inside('world', 'sh', '-c', 'ssh "$@" 2>&1 || true', 'sh', ...words);
};
const KNOCK = `
import socket, sys
count, source, to = int(sys.argv[1]), *sys.argv[2:4]
came = refused = 0
for i in range(count):
    with socket.socket(socket.AF_INET6 if ':' in to else socket.AF_INET) as one:
        one.settimeout(5)
        if source:
            one.bind((source, 0))
        try:
            one.connect((to, 2222))
            came += 1
        except ConnectionRefusedError:
            refused += 1
print(came, refused)
`;
/** Connects so often, and says nothing. */
const knocking = (count: number, source: string, to: string) => [
  ...['python3', '-c', KNOCK, String(count)],
  source,
  to,
];
const counts = (said: string) => {
  const [came = 0, refused = 0] = said.split(' ').map(Number);
  return { came, refused };
};
const knock = (count: number, source: string, to = ADDRESS) =>
  counts(world.inside('world', ...(knocking(count, source, to) as [string, ...string[]])));
const held = async () => (await node.ok('GET', '/v1/node')).access.held;

beforeAll(async () => {
  makeKey(`${home}/key`);
  world = new World();
  for (const address of ['203.0.113.8/32', '203.0.113.9/32', '203.0.113.10/32'])
    world.inside('world', 'ip', 'address', 'add', address, 'dev', 'lo');
  for (const address of ['2001:db8:ffff::8/128', '2001:db8:ffff:1::8/128', '2001:db8:ffff:1::9/128'])
    world.inside('world', 'ip', 'address', 'add', address, 'dev', 'lo', 'nodad');
  node = await TestNode.start('access:\n  port: 2222\n', {}, (pid) => world.connect(pid, ADDRESS));
  await importSmallImage(node);
  const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
  for (const name of ['k_one', 'k_two']) await node.ok('POST', '/v1/slivers', { name, image: 'small', keys });
  await until(() => login('203.0.113.7') === 'k_one\n', 'the door to open');
});
afterAll(async () => {
  await node?.stop().finally(() => world.stop());
  rmSync(home, { recursive: true, force: true });
});

it('who connects again and again without a login is refused for a while, and nobody else', async () => {
  const { came, refused } = knock(400, '203.0.113.8');
  expect(came).toBeGreaterThan(239);
  expect(refused).toBeGreaterThan(100);
  expect(came + refused).toBe(400);
  expect(login('203.0.113.8')).toMatch(/Connection refused/);
  expect(login('203.0.113.7')).toBe('k_one\n');
  const [one, ...more] = await held();
  expect(more).toEqual([]);
  expect(one.source).toBe('203.0.113.8');
  expect(one.refused).toBeGreaterThanOrEqual(refused);
  expect(one.seconds).toBeLessThanOrEqual(60);
  const shown = nodeText(await node.ok('GET', '/v1/node'), false);
  expect(shown).toMatch(/\nHeld off +203\.0\.113\.8, for \d+ s: .*\(\d+ refused since\)\n/);
  // As the kernel does when the minute is over: still, what it has left is what came since.
  node.inside('nft', 'delete element inet sliverd held { 203.0.113.8 }');
  expect(knock(200, '203.0.113.8').refused).toBeGreaterThan(100);
});

it('a login forgives what came before', async () => {
  for (let round = 0; round < 3; round++) {
    expect(knock(200, '203.0.113.9')).toEqual({ came: 200, refused: 0 });
    expect(login('203.0.113.9')).toBe('k_one\n');
    await until(
      () => !node.inside('nft', 'list', 'set', 'inet', 'sliverd', 'knocks').includes('203.0.113.9'),
      'it to be forgiven',
    );
  }
});

it('of IPv6, a network of 64 bits is one', async () => {
  expect(knock(400, '2001:db8:ffff:1::8', ADDRESS6).refused).toBeGreaterThan(100);
  expect(login('2001:db8:ffff:1::9', ADDRESS6)).toMatch(/Connection refused/);
  expect(login('2001:db8:ffff::8', ADDRESS6)).toBe('k_one\n');
  expect(await held()).toContainEqual(expect.objectContaining({ source: '2001:db8:ffff:1::/64' }));
});

describe('a sliver', () => {
  // In its cgroup too, where the node's address is the node.
  const ENTER =
    'echo $$ > "/sys/fs/cgroup$(sed -n s/^0:://p /proc/$1/cgroup)/cgroup.procs"; exec nsenter -t "$@"';
  const inside = async (name: string, ...words: string[]) => {
    const { pid } = await node.ok('GET', `/v1/slivers/${name}`);
    return node.inside('sh', '-c', ENTER, 'sh', String(pid), '-n', ...words);
  };
  const knocks = async (count: number, name: string, to: string) =>
    counts(await inside(name, ...knocking(count, '', to)));

  it.each([ADDRESS, ADDRESS6])('that knocks at %s is forgiven when it logs in', async (to) => {
    for (let round = 0; round < 2; round++) {
      expect(await knocks(200, 'k_two', to)).toEqual({ came: 200, refused: 0 });
      const said = await inside(
        'k_two',
        'ssh',
        ...sshOptions(`${home}/key`),
        `k_one@${to}`,
        'cat /etc/slicename',
      );
      expect(said).toBe('k_one\n');
      await until(
        () => !node.inside('nft', 'list', 'set', 'inet', 'sliverd', 'knocks_sliver').includes('elements'),
        'it to be forgiven',
      );
    }
  });

  it('is not refused for another that knocks, though their addresses are one', async () => {
    const { items } = await node.ok('GET', '/v1/slivers');
    const one = items.find(({ name }: { name: string }) => name === 'k_one');
    expect((await knocks(400, 'k_one', ADDRESS)).refused).toBeGreaterThan(100);
    for (const to of [ADDRESS, ADDRESS6]) {
      expect(await knocks(1, 'k_two', to)).toEqual({ came: 1, refused: 0 });
      expect(await knocks(1, 'k_one', to)).toEqual({ came: 0, refused: 1 });
    }
    expect(await held()).toContainEqual(expect.objectContaining({ source: `100.64.0.${one.id}` }));
  });
});

it('nobody has another refused by sending its address', () => {
  const craft = `${import.meta.dirname}/packets/craft.py`;
  const answered = () => Number(/(\d+) resets sent/.exec(world.inside('world', 'netstat', '-s'))?.[1] ?? 0);
  const before = answered();
  world.inside('world', 'python3', craft, 'knock', '203.0.113.10', ADDRESS, '2222', '400');
  expect(answered() - before).toBeGreaterThan(399); // the true 203.0.113.10, of what it never asked
  expect(node.inside('nft', 'list', 'set', 'inet', 'sliverd', 'knocks')).not.toContain('203.0.113.10');
  expect(login('203.0.113.10')).toBe('k_one\n');
});

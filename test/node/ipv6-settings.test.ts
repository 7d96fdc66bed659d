import { afterEach, expect, it } from 'vitest';
import { TestNode } from './harness.ts';
import { World } from './world.ts';

// What a node does to the settings of IPv6 of a machine that has other links, and routes already or in part.
let world: World | undefined;
let node: TestNode | undefined;
afterEach(async () => {
  await node?.stop();
  world?.stop();
});

/** Settings of links `lan` and `wan` beside the uplink, as `accept_ra forwarding`. */
type State = Record<'all' | 'eth0' | 'lan' | 'wan', [string, string]>;
const STATE = ['all', 'eth0', 'lan', 'wan'] as const;

async function machine(state: State): Promise<void> {
  world = new World();
  node = await TestNode.start('', {}, (pid) => {
    world?.connect(pid, '198.51.100.10');
    world?.enter(pid, 'ip', 'link', 'add', 'lan', 'up', 'type', 'veth', 'peer', 'name', 'wan');
    for (const link of STATE) {
      const [accept, forwarding] = state[link];
      const settings = [`accept_ra=${accept}`, `forwarding=${forwarding}`];
      world?.enter(pid, 'sysctl', '-qw', ...settings.map((one) => `net.ipv6.conf.${link}.${one}`));
    }
  });
}
const read = () =>
  Object.fromEntries(
    STATE.map((link) => [
      link,
      ['accept_ra', 'forwarding'].map((key) =>
        node?.inside('cat', `/proc/sys/net/ipv6/conf/${link}/${key}`).trim(),
      ),
    ]),
  );
async function down(): Promise<void> {
  await node?.ok('POST', '/v1/node/down');
  await node?.ended();
}

it('links that listened to routers go on, and no others begin to', async () => {
  const before: State = { all: ['1', '0'], eth0: ['1', '0'], lan: ['0', '0'], wan: ['2', '0'] };
  await machine(before);
  expect(read()).toEqual({ all: ['1', '1'], eth0: ['2', '1'], lan: ['0', '1'], wan: ['2', '1'] });
  await down();
  expect(read()).toEqual(before);
});

it('a link that is a router by itself does not listen, then and afterwards', async () => {
  const before: State = { all: ['1', '0'], eth0: ['1', '0'], lan: ['1', '1'], wan: ['1', '0'] };
  await machine(before);
  expect(read()).toEqual({ all: ['1', '1'], eth0: ['2', '1'], lan: ['1', '1'], wan: ['2', '1'] });
  await down();
  expect(read()).toEqual(before);
});

it('a machine that is a router listens to none', async () => {
  const before: State = { all: ['1', '1'], eth0: ['1', '1'], lan: ['1', '1'], wan: ['2', '1'] };
  await machine(before);
  expect(read()).toEqual(before);
  await node?.kill();
  await node?.launch();
  expect(read()).toEqual(before);
  await down();
  expect(read()).toEqual(before);
});

it('what comes by the uplink is closed to slivers alone on a router, and to all on another machine', async () => {
  const closed = () => node?.inside('ip', '-6', 'rule', 'show', 'priority', '1001').split('\n').slice(0, -1);
  await machine({ all: ['1', '1'], eth0: ['1', '1'], lan: ['1', '1'], wan: ['1', '1'] });
  expect(closed()).toEqual([expect.stringMatching(/to 2001:db8::\S+\/112 iif eth0 .*blackhole/)]);
  await down();
  expect(closed()).toEqual([]);
  node?.inside('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0');
  node?.inside('ip', '-6', 'rule', 'add', 'priority', '1001', 'iif', 'wan', 'blackhole');
  await node?.launch();
  expect(closed()).toEqual([expect.stringMatching(/iif wan/), expect.stringMatching(/from all iif eth0/)]);
  await down();
  expect(closed()).toEqual([expect.stringMatching(/iif wan/)]);
});

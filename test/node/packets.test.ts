import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { World } from './world.ts';

// Packets that slivers and the world may send each other, whatever they are: honest ones arrive whole, and by forged ones
// nobody speaks for another. They are made by root in a sliver's network namespace.
const ADDRESS = '198.51.100.10';
const WORLD = World.address;
const ROUTER = '198.51.100.1';
const CRAFT = `${import.meta.dirname}/packets/craft.py`;
/** Nothing, four times, and one place to record a route. */
const OPTIONS = '010101010707040000000000';
const [ONE, TWO] = ['a_one', 'a_two'] as const;
type Where = typeof ONE | typeof TWO | 'world' | 'r1';

let world: World;
let node: TestNode;
const slivers = new Map<string, { pid: number; internal: string }>();
const started: ChildProcess[] = [];
/** What the nodes' router has seen, and what a_two has. */
let router: Saying;
let neighbour: Saying;

const enter = (where: Where) => {
  const sliver = slivers.get(where);
  return sliver
    ? ['nsenter', `--net=/proc/${sliver.pid}/ns/net`]
    : ['ip', 'netns', 'exec', world.namespace(where as 'world' | 'r1')];
};
const hands = new Map<Where, Saying>();
/** Does something of craft.py there; what it says. */
async function craft(where: Where, what: string, ...words: (string | number)[]): Promise<string> {
  const { lines, child } = hands.get(where)!;
  const before = lines.length;
  child.stdin?.write(`${[what, ...words].join('\t')}\n`);
  await until(() => lines.at(-1) === '.' && lines.length > before, `${what} in ${where}`);
  return lines.slice(before, -1).join('\n');
}
const internal = (name: string) => slivers.get(name)?.internal ?? '';

/** A program that stays, and what it has said. */
interface Saying {
  lines: string[];
  child: ChildProcess;
}
async function stays(where: Where, what: string, ...words: (string | number)[]): Promise<Saying> {
  const [file, ...args] = [...enter(where), 'python3', CRAFT, what, ...words.map(String)];
  const child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  const saying: Saying = { lines: [], child };
  createInterface({ input: child.stdout! }).on('line', (line) => saying.lines.push(line));
  if (what !== 'hand')
    await until(() => saying.lines.length > 0 || child.exitCode !== null, `${what} in ${where} to begin`);
  return saying;
}
/** Asks for that many bytes in a connection that `tcp_client` holds. */
async function echoes({ lines, child }: Saying, bytes = 1): Promise<void> {
  const before = lines.length;
  child.stdin?.write(`${bytes}\n`);
  await until(() => lines.length > before || child.exitCode !== null, 'an answer');
  expect(lines.slice(before)).toEqual(['done']);
}
const portOf = (client: Saying) => Number(client.lines[0]?.split(' ').at(-1));

let markers = 0;
/** Programs that stay for all tests. */
let always = 0;
/** Does it, and returns all that was seen meanwhile: until a packet that was sent after it came by. */
async function seen(by: Saying, from: Where, act: () => unknown): Promise<string[]> {
  const before = by.lines.length;
  await act();
  const port = 20_000 + ++markers;
  const to = by === router ? [ADDRESS, port, WORLD] : [internal(from), port, internal(TWO)];
  const marker = `udp ${to[0]}:${port} > ${to[2]}:9`;
  await craft(from, 'send_udp', ...to, 9, 'marker');
  await until(() => by.lines.includes(marker, before), `${marker} to be seen`);
  return by.lines.slice(before, by.lines.indexOf(marker, before));
}

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS));
  await importSmallImage(node);
  for (const name of [ONE, TWO]) {
    await node.ok('POST', '/v1/slivers', { name, image: 'small', profile: 'routing' });
    const { id, pid } = await node.ok('GET', `/v1/slivers/${name}`);
    slivers.set(name, { pid, internal: `100.64.0.${id}` });
  }
  for (const where of [ONE, TWO, 'world', 'r1'] as const) hands.set(where, await stays(where, 'hand'));
  router = await stays('r1', 'witness');
  neighbour = await stays(TWO, 'witness');
  for (const server of ['udp_server', 'tcp_server']) await stays('world', server, 7);
  always = started.length;
});

afterEach(() => {
  for (const child of started.splice(always)) child.kill('SIGKILL');
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await node?.stop().finally(() => world.stop());
});

/** Holds a port of the shared address for a sliver while something is done. */
async function reserved(name: string, protocol: string, port: number, act: () => unknown): Promise<void> {
  await node.ok('POST', '/v1/ports', { sliver: name, protocol, port });
  try {
    await act();
  } finally {
    await node.ok('DELETE', `/v1/ports/${protocol}/${port}`);
  }
}

describe('what is honest arrives whole:', () => {
  it('two slivers with one source port to one destination each have their own replies', async () => {
    const flows = await seen(router, ONE, async () => {
      for (const name of [ONE, TWO]) expect(await craft(name, 'ask', 5555, WORLD, 7)).toBe(`1 ${WORLD} 7`);
    });
    const ports = flows.map((line) => /^udp 198\.51\.100\.10:(\d+) > 203\.0\.113\.7:7$/.exec(line)?.[1]);
    expect(ports.filter(Boolean)).toEqual(['5555', expect.not.stringMatching(/^5555$/)]);
  });

  it('datagrams larger than the MTU, in and out', async () => {
    expect(await craft(ONE, 'ask', 5000, WORLD, 7, 4000)).toBe(`4000 ${WORLD} 7`);
    await reserved(ONE, 'udp', 7000, async () => {
      const server = await stays(ONE, 'udp_server', 7000);
      expect(await craft('world', 'ask', 5000, ADDRESS, 7000, 4000)).toBe(`4000 ${ADDRESS} 7000`);
      await until(() => server.lines.includes(`${WORLD} 5000 4000`), 'the server to tell');
    });
  });

  it('through a link narrower than others, in and out', async () => {
    world.narrow(1000);
    try {
      expect(await craft(ONE, 'path_mtu', WORLD)).toBe('1000');
      const client = await stays(TWO, 'tcp_client', 0, WORLD, 7);
      await echoes(client, 300_000);
      await reserved(ONE, 'tcp', 7000, async () => {
        await stays(ONE, 'tcp_server', 7000);
        await echoes(await stays('world', 'tcp_client', 0, ADDRESS, 7000), 300_000);
      });
    } finally {
      world.narrow(1500);
    }
  });

  it('datagrams of a client that keeps its port, after the server is another', async () => {
    for (const name of [ONE, TWO])
      await reserved(name, 'udp', 7001, async () => {
        const server = await stays(name, 'udp_server', 7001);
        expect(await craft('world', 'ask', 5000, ADDRESS, 7001)).toBe(`1 ${ADDRESS} 7001`);
        await until(() => server.lines.includes(`${WORLD} 5000 1`), `${name} to be asked`);
      });
  });

  it('packets with options of IP, in and out', async () => {
    await reserved(TWO, 'udp', 7000, async () => {
      await craft('world', 'send_udp', WORLD, 5000, ADDRESS, 7000, 'x', OPTIONS);
      await until(() => neighbour.lines.some((line) => line.endsWith(`> ${ADDRESS}:7000`)), 'it to come in');
      expect(
        await seen(router, TWO, () => craft(TWO, 'send_udp', ADDRESS, 7000, WORLD, 9, 'x', OPTIONS)),
      ).toContain(`udp ${ADDRESS}:7000 > ${WORLD}:9`);
    });
  });

  it("a connection lasts though its port becomes another's", async () => {
    const client = await stays(ONE, 'tcp_client', 45_000, WORLD, 7);
    await node.exec(TWO, 'sh', '-c', 'nc -ll -p 45000 -e cat > /dev/null 2>&1 &');
    await until(async () => (await node.ok('GET', '/v1/ports')).items.length === 1, 'the claim');
    await echoes(client, 1000);
    await node.exec(TWO, 'killall', 'nc');
  });

  it('a connection lasts though a packet of it is out of its window', async () => {
    const client = await stays(ONE, 'tcp_client', 0, WORLD, 7);
    await echoes(client);
    const port = portOf(client);
    const came = await seen(router, ONE, async () => {
      await craft('world', 'send_tcp', WORLD, 7, ADDRESS, port, 0x10, 1);
      await craft('world', 'send_tcp', WORLD, 7, ADDRESS, port, 0x10, 2 ** 31);
    });
    expect(came.filter((line) => line.endsWith('rst'))).toEqual([]);
    await echoes(client);
  });
});

describe('IP protocols', () => {
  const came = async (act: () => unknown) => {
    const receivers = await Promise.all([ONE, TWO].map((name) => stays(name, 'raw_socket', 253)));
    await act();
    return receivers.map(({ lines }) => lines.slice(1));
  };

  it('are delivered to the sliver that has reserved them, and sent by it alone', async () => {
    await reserved(ONE, '253', 0, async () => {
      const [one, two] = await came(async () => {
        const sent = await seen(neighbour, ONE, () =>
          craft('world', 'send_protocol', 253, WORLD, ADDRESS, 'in'),
        );
        expect(sent).toEqual([]);
        const left = await seen(router, TWO, async () => {
          await craft(TWO, 'send_protocol', 253, ADDRESS, WORLD, 'two');
          await seen(router, ONE, () => craft(ONE, 'send_protocol', 253, ADDRESS, WORLD, 'one'));
        });
        expect(left.filter((line) => line.startsWith('253'))).toEqual([`253 ${ADDRESS} > ${WORLD} one`]);
      });
      expect([one, two]).toEqual([[`${WORLD} in`], []]);
    });
  });

  it('are delivered to nobody without a reservation, and replies to whom they answer', async () => {
    const received = await came(async () => {
      const answers = await seen(router, TWO, async () => {
        await craft('world', 'send_protocol', 254, WORLD, ADDRESS, 'in');
        await craft(TWO, 'send_protocol', 253, ADDRESS, ROUTER, 'question');
      });
      expect(answers).toContain(`icmp 3/2 ${ADDRESS} > ${WORLD}`); // the node has no such protocol
      await craft('r1', 'send_protocol', 253, ROUTER, ADDRESS, 'answer');
      await until(() => neighbour.lines.includes(`253 ${ROUTER} > ${ADDRESS} answer`), 'the answer');
    });
    expect(received).toEqual([[], [`${ROUTER} answer`]]);
  });

  it('are had from the moment of the reservation, whoever used them before', async () => {
    const received = await came(async () => {
      await craft(TWO, 'send_protocol', 253, ADDRESS, ROUTER, 'before');
      await reserved(ONE, '253', 0, async () => {
        const left = await seen(router, TWO, async () => {
          await craft(TWO, 'send_protocol', 253, ADDRESS, ROUTER, 'two');
          await seen(router, ONE, () => craft(ONE, 'send_protocol', 253, ADDRESS, ROUTER, 'one'));
        });
        expect(left.filter((line) => line.startsWith('253'))).toEqual([`253 ${ADDRESS} > ${ROUTER} one`]);
        await craft('r1', 'send_protocol', 253, ROUTER, ADDRESS, 'answer');
        expect(await seen(neighbour, ONE, () => {})).toEqual([]);
      });
    });
    expect(received).toEqual([[`${ROUTER} answer`], []]);
  });
});

describe('nobody speaks for another:', () => {
  it('from an address that is not its own', async () => {
    const left = await seen(router, TWO, async () => {
      for (const source of ['198.51.100.99', '203.0.113.9', '127.0.0.1', internal(ONE)])
        await craft(TWO, 'send_udp', source, 5000, WORLD, 9, 'x');
    });
    expect(left.filter((line) => line.includes(`> ${WORLD}:`))).toEqual([]);
  });

  it('from outside, as a neighbour or as the node', async () => {
    await reserved(TWO, 'udp', 7000, async () => {
      const came = await seen(neighbour, ONE, async () => {
        for (const source of [internal(ONE), ADDRESS, '127.0.0.1'])
          await craft('world', 'send_udp', source, 5000, ADDRESS, 7000, 'x');
        await craft('world', 'send_udp', WORLD, 5001, ADDRESS, 7000, 'x');
        await until(() => neighbour.lines.includes(`udp ${WORLD}:5001 > ${ADDRESS}:7000`), 'the honest one');
      });
      expect(came).toEqual([`udp ${WORLD}:5001 > ${ADDRESS}:7000`]);
    });
  });

  const REMAPPED =
    /^(udp|tcp) 198\.51\.100\.10:(6451[2-9]|645[2-9]\d|64[6-9]\d\d|65\d\d\d) > 203\.0\.113\.7:9$/;
  const HONEST = /:4999 > /;
  it.each([
    ['small ones', 'udp', REMAPPED],
    ['small ones of TCP', 'tcp', REMAPPED],
    ['small ones, the first at last', 'backwards', REMAPPED],
    ['a first one that is there twice', 'overlapping', HONEST],
    ['some that overlap', 'overlapped', undefined],
    ['none of which is the first', 'headless', undefined],
  ])('from its port, by fragments: %s', async (_what, way, leaves) => {
    await reserved(ONE, way === 'tcp' ? 'tcp' : 'udp', 53, async () => {
      const lines = await seen(router, TWO, () => craft(TWO, 'send_fragments', way, ADDRESS, 53, WORLD, 9));
      const left = lines.filter((line) => /^(udp|tcp|fragment) 198/.test(line));
      const first = left.filter((line) => !line.startsWith('fragment'));
      if (leaves) expect(first).toEqual([expect.stringMatching(leaves)]);
      else expect(left).toEqual([]);
    });
  });

  it('from its port, behind options of IP', async () => {
    await reserved(ONE, 'udp', 53, async () => {
      const send = () => craft(TWO, 'send_udp', ADDRESS, 53, WORLD, 9, 'x', OPTIONS);
      const left = (await seen(router, TWO, send)).filter((line) => line.startsWith('udp 198'));
      expect(left).toEqual([expect.stringMatching(REMAPPED)]);
    });
  });

  it('in its connections, by resets, or of them, by errors', async () => {
    await reserved(TWO, 'tcp', 7000, async () => {
      await stays(TWO, 'tcp_server', 7000);
      const out = await stays(TWO, 'tcp_client', 0, WORLD, 7);
      const inbound = await stays('world', 'tcp_client', 0, ADDRESS, 7000);
      const [port, theirs] = [portOf(out), portOf(inbound)];
      const left = await seen(router, ONE, async () => {
        // What TWO's peers would believe of a router on their way.
        await craft(ONE, 'send_errors', ADDRESS, WORLD, WORLD, 7, ADDRESS, port);
        await craft(ONE, 'send_errors', ADDRESS, WORLD, WORLD, theirs, ADDRESS, 7000);
        for (const flags of [0x04, 0x11, 0, 0x29]) {
          await craft(ONE, 'send_tcp', ADDRESS, port, WORLD, 7, flags);
          await craft(ONE, 'send_tcp', ADDRESS, 7000, WORLD, theirs, flags);
        }
      });
      expect(left.filter((line) => line.startsWith('icmp') || line.startsWith('tcp'))).toEqual([]);
      const came = await seen(neighbour, ONE, async () => {
        for (const source of [ADDRESS, internal(ONE)]) {
          await craft(ONE, 'send_errors', source, internal(TWO), ADDRESS, port, WORLD, 7);
          await craft(ONE, 'send_errors', source, internal(TWO), ADDRESS, 7000, WORLD, theirs);
        }
      });
      expect(came.filter((line) => line.startsWith('icmp'))).toEqual([]);
      for (const connection of [out, inbound]) await echoes(connection);
    });
  });

  it('by ARP', async () => {
    const mac = '02:66:66:66:66:66';
    await craft(ONE, 'send_arp', mac, ADDRESS, internal(TWO), '169.254.1.1', '198.51.100.1');
    expect(await craft(TWO, 'ask', 5000, WORLD, 7)).toBe(`1 ${WORLD} 7`);
    expect(await craft(ONE, 'ask', 5000, WORLD, 7)).toBe(`1 ${WORLD} 7`);
    expect(node.inside('ip', 'neigh')).not.toContain(mac);
    expect((await node.exec(TWO, 'ip', 'neigh')).stdout).not.toContain(mac);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addressText } from '../../netns/address.ts';
import { type Flow, flowOf } from '../../netns/flows/flow.ts';
import { type Connection, messages, readConnection } from '../../netns/flows/message.ts';
import { SLIVER_MARK } from '../../netns/numbers.ts';

// Bytes that a kernel sent, once: whatever the parser is made of, they mean the same.
const captured = new Map(
  readFileSync(`${import.meta.dirname}/captured/conntrack-gone`, 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line): [string, Buffer] => {
      const [name = '', hex = ''] = line.split(' ');
      return [name, Buffer.from(hex, 'hex')];
    }),
);
const bytesOf = (name: string) => captured.get(name) ?? Buffer.alloc(0);

function connections(buffer: Buffer, bits = SLIVER_MARK): Connection[] {
  return [...messages(buffer)].flatMap(({ start, end }) => readConnection(buffer, start, end, bits) ?? []);
}

const LOCAL4 = '198.51.100.10';
const LOCAL6 = '2001:db8:1::10';
const REMOTE4 = '198.51.100.1';
const REMOTE6 = '2001:db8:1::1';

function shown(flow: Flow | undefined) {
  if (!flow) return undefined;
  const { protocol, inbound, sliver, sent, received } = flow;
  return {
    protocol,
    inbound,
    sliver,
    remote: [addressText(flow.remote), flow.remotePort],
    local: [addressText(flow.local), flow.localPort],
    sent: [sent.packets, sent.bytes],
    received: [received.packets, received.bytes],
  };
}

const told = (name: string) => {
  const [connection] = connections(bytesOf(name));
  return connection && flowOf(connection, 0);
};

describe("what the kernel's words mean", () => {
  const [out, into] = [
    { inbound: false, sliver: 5 },
    { inbound: true, sliver: 5 },
  ];
  // Of ICMP the ports are the identifier and, of what was asked, type * 256 + code: an echo is 8, in IPv6 128.
  it.each([
    ['tcp4-out', 6, out, [REMOTE4, 8080], [LOCAL4, 40_001], [6, 322], [4, 221]],
    ['udp4-out', 17, out, [REMOTE4, 53], [LOCAL4, 4053], [1, 29], [1, 30]],
    ['icmp4-out', 1, out, [REMOTE4, 8 * 256], [LOCAL4, 27_852], [1, 84], [1, 84]],
    ['icmp4-in', 1, into, [REMOTE4, 27_854], [LOCAL4, 8 * 256], [1, 84], [1, 84]],
    ['tcp6-out', 6, out, [REMOTE6, 8080], [LOCAL6, 40_001], [5, 370], [5, 373]],
    ['udp6-out', 17, out, [REMOTE6, 53], [LOCAL6, 40_002], [1, 49], [1, 50]],
    ['udp6-in', 17, into, [REMOTE6, 40_003], [LOCAL6, 9], [0, 0], [1, 50]],
    ['icmp6-out', 58, out, [REMOTE6, 128 * 256], [LOCAL6, 27_853], [1, 104], [1, 104]],
  ])('%s', (name, protocol, whose, remote, local, sent, received) => {
    expect(shown(told(name))).toEqual({ protocol, ...whose, remote, local, sent, received });
  });

  it('tells what the sliver saw, where its port was translated', () => {
    expect(told('udp4-out')?.inside).toEqual({
      source: LOCAL4,
      sourcePort: 40_002,
      destination: REMOTE4,
      destinationPort: 53,
    });
    expect(told('tcp6-out')?.inside).toBeNull();
  });

  it('has times to the millisecond', () => {
    const { start = 0, end = 0 } = told('tcp4-out') ?? {};
    expect([start, end]).toEqual([1_795_859_410_651, 1_795_859_411_452]);
  });
});

describe('a buffer of several', () => {
  const all = Buffer.concat([...captured.values()]);

  it('is read to its end', () => {
    expect(connections(all)).toHaveLength(captured.size);
    expect(captured.size).toBe(8);
  });
  it('that is cut off gives those that are whole, and no nonsense', () => {
    for (let length = 0; length < all.length; length++) {
      const whole = connections(all.subarray(0, length));
      expect(whole).toEqual(connections(all).slice(0, whole.length));
    }
  });
  it('tells nothing of what has another mark', () => {
    expect(connections(all, 0x20000)).toEqual([]);
  });
  it('may be used again: what was read keeps its addresses', () => {
    const room = Buffer.from(bytesOf('tcp6-out'));
    const [connection] = connections(room);
    room.fill(0);
    expect(connection && addressText(connection.original.source)).toBe(LOCAL6);
  });
});

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../daemon/node/config.ts';
import { parseRefusal, type Refusal, refusalElements } from '../../netns/limits/refusals.ts';
import { divisor, elementsOf, openOf } from '../../netns/limits/share.ts';

const limits = (connections: number, destinationsPerMinute = 600) => ({ connections, destinationsPerMinute });
const refusals = (...texts: string[]) => texts.map((text) => parseRefusal(text) as Refusal);

describe('shares of the table of connections', () => {
  it.each([1, 2, 17, 100, 1000, 4000])('%i slivers leave half of it, until each has the least', (many) => {
    const all = Array.from({ length: many }, (_, at) => limits(at % 3 === 0 ? 8192 : 4096));
    const divided = divisor(all, 262_144);
    expect(all.reduce((sum, one) => sum + openOf(one, divided)!, 0)).toBeLessThanOrEqual(131_072);
  });

  it('are whole limits where there is room', () =>
    expect(openOf(limits(4096), divisor([limits(4096)], 262_144))).toBe(4096));

  it('stay as they are while a sliver comes and goes', () => {
    const [many, more] = [32, 33].map((count) => Array(count).fill(limits(4096)));
    expect(divisor(many!, 262_144, 1)).toBe(1);
    expect(divisor(more!, 262_144, 1)).toBe(2);
    expect(divisor(many!, 262_144, 2)).toBe(2);
    expect(divisor(many!.slice(0, 8), 262_144, 4)).toBe(1);
  });

  it('a sliver without a bound on destinations is in no set of them', () =>
    expect(Object.keys(elementsOf(limits(64, Number.POSITIVE_INFINITY), 1))).toEqual([
      'told',
      'open',
      'begun',
    ]));
});

describe('refusals', () => {
  it.each([
    ['tcp/25', { protocol: 'tcp', ports: [25, 25] }],
    ['udp/6881-6889 to 192.0.2.0/24', { protocol: 'udp', ports: [6881, 6889], prefix: '192.0.2.0/24' }],
    ['tcp to 2001:db8::/32', { protocol: 'tcp', prefix: '2001:db8::/32' }],
    ['192.0.2.7/32', { prefix: '192.0.2.7/32' }],
    ['udp', { protocol: 'udp' }],
  ])('%s', (text, refusal) => expect(parseRefusal(text)).toEqual(refusal));

  it.each([
    ['', /neither/],
    ['icmp/3', /not a prefix/],
    ['tcp/0', /1 to 65535/],
    ['tcp/90-80', /1 to 65535/],
    ['tcp/70000', /1 to 65535/],
    ['192.0.2.0', /not a prefix/],
    ['192.0.2.0/33', /not a prefix/],
    ['tcp/25 192.0.2.0/24', /neither/],
    ['tcp/25 to nobody', /not a prefix/],
    ['to 192.0.2.0/24', /neither/],
  ])('%s says what is wrong with it', (text, complaint) => expect(parseRefusal(text)).toMatch(complaint));

  it('of a configuration name the file and the key', () =>
    expect(() => parseConfig('network: { refuse: [tcp/25, smtp] }', 'a.yaml')).toThrow(
      /a\.yaml: network\.refuse: 'smtp'/,
    ));

  it('overlap in no element', () => {
    const given = refusals(
      'tcp/25',
      'tcp/20-30 to 192.0.2.0/24',
      'tcp/22 to 192.0.2.128/25',
      'tcp/22 to 2001:db8::/32',
      '192.0.2.0/24',
    );
    expect(refusalElements(given, 4)).toEqual({
      prefixes: ['192.0.2.0/24'],
      tcp: [
        '20-21 . 192.0.2.0/24',
        '22-22 . 192.0.2.0/24',
        '23-24 . 192.0.2.0/24',
        '25-25 . 0.0.0.0/0',
        '26-30 . 192.0.2.0/24',
      ],
      udp: [],
    });
    expect(refusalElements(given, 6).tcp).toEqual(['22-22 . 2001:db8::/32', '25-25 . ::/0']);
  });
});

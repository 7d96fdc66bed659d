import { describe, expect, it } from 'vitest';
import { addressIn, isIn, isSliverNetwork, sliverPrefix } from '../../netns/ipv6/prefix.ts';
import type { LinkAddress } from '../../netns/rtnetlink/index.ts';

const uplink = { index: 2, name: 'eth0', up: true, address: Buffer.from('525400123456', 'hex') };
const on = (address: string, more: Partial<LinkAddress> = {}): LinkAddress => ({
  link: 2,
  address,
  length: 64,
  global: true,
  passing: false,
  ...more,
});
const found = (...addresses: LinkAddress[]) => sliverPrefix(uplink, addresses);

describe('the prefix of slivers', () => {
  it('is in the network of the uplink, and of this node alone', () => {
    const prefix = found(on('2001:db8:1:2::10')) ?? '';
    expect(prefix).toMatch(/^2001:db8:1:2:[0-9a-f]+:[0-9a-f]+:[0-9a-f]+:0$/);
    const other = { ...uplink, address: Buffer.from('525400123457', 'hex') };
    expect(sliverPrefix(other, [on('2001:db8:1:2::10')])).not.toBe(prefix);
    expect(found(on('2001:db8:1:2::77'))).toBe(prefix);
  });

  it.each([
    ['no address', []],
    ['IPv4 alone', [on('192.0.2.1', { length: 24 })]],
    ['an address of another link', [on('2001:db8::1', { link: 3 })]],
    ['the link’s own alone', [on('fe80::1', { global: false })]],
    ['an address without a network', [on('2001:db8::1', { length: 128 })]],
    ['one on its way out', [on('2001:db8::1', { passing: true })]],
  ])('is none where there is %s', (_what, addresses) => {
    expect(found(...addresses)).toBeUndefined();
  });

  it('is of the world’s networks sooner than of a site’s own, and always the same', () => {
    const all = [on('fd00:1::1'), on('2001:db8:2::1'), on('2001:db8:1::1')];
    for (const addresses of [all, all.toReversed()]) expect(found(...addresses)).toMatch(/^2001:db8:1:/);
  });

  it('stays while its network is there, though there are others, unless that was a site’s own', () => {
    const [one, two, site] = ['2001:db8:1::1', '2001:db8:2::1', 'fd00:1::1'].map(
      (text) => found(on(text)) ?? '',
    );
    const all = [on('2001:db8:1::1'), on('2001:db8:2::1'), on('fd00:1::1')];
    const staying = (...present: string[]) => sliverPrefix(uplink, all, undefined, present);
    expect(staying(two ?? '')).toBe(two);
    expect(staying('2001:db8:3::7:0')).toBe(one);
    expect(staying(site ?? '')).toBe(one);
  });

  it('is the configured one, as it is where it is longer than a network', () => {
    const configured = (text: string) => sliverPrefix(uplink, [on('2001:db8:9::1')], text);
    expect(configured('none')).toBeUndefined();
    expect(configured('2001:db8:5::/64')).toMatch(/^2001:db8:5:0:/);
    expect(configured('2001:db8:5::7:0/112')).toBe('2001:db8:5::7:0');
  });
});

it('an address is the prefix and the id', () => {
  expect(addressIn('2001:db8::7:0', 1)).toBe('2001:db8::7:1');
  expect(addressIn('2001:db8::7:0', 4095)).toBe('2001:db8::7:fff');
  expect(isIn('2001:db8::7:0', '2001:db8::7:fff')).toBe(true);
  expect(isIn('2001:db8::7:0', '2001:db8::8:1')).toBe(false);
  expect(isIn(undefined, '2001:db8::8:1')).toBe(false);
});

it.each(['none', '2001:db8::/32', '2001:db8:1::/64', '2001:db8::7:0/112'])('%s may be configured', (text) => {
  expect(isSliverNetwork(text)).toBe(true);
});
it.each([
  '',
  '::/0',
  '2001:db8::1/64',
  '2001:db8::/113',
  '2001:db8::',
  '192.0.2.0/24',
  '2001:db8::/64x',
  'all',
])("'%s' may not", (text) => {
  expect(isSliverNetwork(text)).toBe(false);
});

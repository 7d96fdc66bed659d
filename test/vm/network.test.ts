import { describe, expect, it } from 'vitest';
import { stepsOn } from './steps.ts';
import { KERNELS, told } from './vm.ts';

// Each of Debian's kernels takes queues and rules as they are asked for, and its counters are found where they are looked for.
describe.each(KERNELS)('the network of slivers on Debian kernel %s', (kernel) => {
  const output = stepsOn(kernel, {
    rates: 'node test/vm/guest/rates.ts',
    ipv6: 'node test/vm/guest/ipv6.ts',
  });
  const seen = () => told(output('rates'));

  it('without a bound there are no queues, and with one a flow waits for itself', () => {
    expect(seen().free).not.toContain('htb');
    for (const queues of seen().queues) expect(queues).toMatch(/htb 5356: root[\s\S]*fq_codel/);
  });

  it('a sliver sends and receives no faster than it may', () => {
    for (const way of ['up', 'down']) {
      expect(seen()[way], way).toBeGreaterThan(0.5);
      expect(seen()[way], way).toBeLessThan(2.5);
    }
  });

  it('what was held back is counted', () => {
    expect(seen().held.up.times).toBeGreaterThan(0);
    expect(seen().held.down.times).toBeGreaterThan(0);
  });

  it('a flow is found while it goes on, and in the records when the kernel has forgotten it', () => {
    expect(seen().open).toContainEqual([1, true, true, true]);
    expect(seen().ended).toContainEqual([1, false, true, true]);
  });

  it('a sliver has no more connections and destinations than it may, and not what the owner refuses', () => {
    const { connections, destinations, mail, owner } = seen();
    expect(connections.connections + connections.rate).toBeGreaterThanOrEqual(150);
    expect(connections.destinations).toBe(0);
    expect(destinations.destinations).toBeGreaterThanOrEqual(75);
    expect(mail).toContain('No route to host');
    expect(owner.owner).toBeGreaterThan(0);
  });

  it('who connects to its ssh again and again is held off', () => {
    const [{ source, refused }] = seen().knocked;
    expect(source).toBe('203.0.113.7');
    expect(refused).toBeGreaterThan(50);
  });

  it('queues that somebody deleted come back, and none is left when the node goes down', () => {
    expect(seen().left).not.toContain('htb');
  });

  it('slivers have IPv6 addresses of their own, and send from no other', () => {
    const six = told(output('ipv6'));
    expect(six).toMatchObject({ out: 0, in: 0, across: 0, lastHop: 0, forged: 1, forwards: '1' });
    expect(new Set(six.own).size).toBe(2);
    expect(six.spoofed).toBeGreaterThan(0);
    expect(six.left).toEqual(['0', expect.not.stringContaining('fwmark'), '']);
  });
});

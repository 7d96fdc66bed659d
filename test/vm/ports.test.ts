import { describe, expect, it } from 'vitest';
import { stepsOn } from './steps.ts';
import { KERNELS, told } from './vm.ts';

// The BPF programs pass the verifier of each of Debian's kernels, and find in its structures what they look for.
describe.each(KERNELS)('the port ledger on Debian kernel %s', (kernel) => {
  const output = stepsOn(kernel, { ports: 'node test/vm/guest/ports.ts' });
  const seen = () => told(output('ports'));

  it('refuses what another sliver has, and only that', () => {
    const refused = (entry: string) => [80, 'EADDRINUSE', [entry], []];
    expect(seen().tcp).toEqual(refused('tcp/80 1 bind 1'));
    expect(seen().udp).toEqual(refused('udp/80 1 bind 1'));
    expect(seen().both).toEqual(refused('tcp/80 1 bind 1'));
    expect(seen().mptcp).toEqual(refused('tcp/80 1 bind 1'));
    expect(seen().loopback).toEqual([80, 80, ['tcp/80 2 bind 1'], []]);
    expect(seen().v6only).toEqual([80, 80, ['tcp/80 2 bind 1'], []]);
    expect(seen().denied).toBeGreaterThan(0);
  });

  it('claims what is sent from, and draws what nobody has', () => {
    expect(seen().noPort).toEqual([0, []]);
    expect(seen().portZero).toBe(40001);
    expect(seen().sent).toBe(true);
  });

  it('joins slivers of the node, and destroys the sockets of a revoked port', () => {
    expect(seen().local).toEqual(['198.51.100.10', 80]);
    expect(seen().accepted).toBe('100.64.0.1');
    expect(seen().revoked).toBe(2);
    expect(seen().destroyed).toBe('EINVAL');
  });

  it('leaks nothing, and finds what was leaked for it', () => {
    expect(seen().churned).toEqual([1000, 1000]);
    expect(seen().empty).toEqual([]);
    expect(seen().meanwhile).toBe('EADDRINUSE');
    expect(seen().ghosts).toEqual([['release'], 1, []]);
  });

  it('attaches to links, and goes when it is told to', () => {
    expect(seen().filters).toMatch(/from_sliver/);
    expect(seen().end).toBe(true);
  });
});

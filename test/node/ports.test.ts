import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PortWorld, type Program } from './ports/world.ts';

let world: PortWorld;
let one: Program;
let two: Program;

beforeAll(async () => {
  world = await PortWorld.start();
  one = await world.sliver(1);
  two = await world.sliver(2);
});
afterAll(() => world.stop());

/** Each test begins and ends with nothing owned. */
async function nothing(): Promise<void> {
  expect(await world.ports()).toEqual([]);
}
beforeEach(nothing);

describe('a port that a sliver binds', () => {
  it.each(['tcp', 'udp'])('%s is refused to another at once, and free again after close', async (kind) => {
    expect(await one.run('opened', 'a', kind, 80)).toBe(80);
    expect(await world.ports()).toEqual([`${kind}/80 1 bind 1`]);
    expect(await two.run('opened', 'a', kind, 80)).toBe('EADDRINUSE');
    await one.run('close', 'a');
    await nothing();
    expect(await two.run('opened', 'a', kind, 80)).toBe(80);
    await two.run('close', 'a');
    await nothing();
  });
});

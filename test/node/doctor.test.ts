import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../daemon/node/doctor/index.ts';
import { TestNode } from './harness.ts';

/** What a machine can lack and still be developed on: this tier runs where v1 hierarchies hold the controllers. */
const MACHINES_DIFFER =
  /^(cgroup-(cpu|cpuset|memory|swap|io|io-weight|pids)|pressure|clock|fuse|tun|free-disk|state-durable)$/;

describe('the doctor', () => {
  let node: TestNode;
  beforeAll(async () => {
    node = await TestNode.start();
  });
  afterAll(() => node?.stop());

  it('finds everything that slivers of this tier use, and leaves nothing', async () => {
    const before = { ...node.leftovers(), state: readdirSync(node.state), run: readdirSync(node.run) };
    const { findings } = await node.ok<{ findings: Finding[] }>('GET', '/v1/node/doctor');
    const missing = findings.filter(({ id, ok }) => !ok && !MACHINES_DIFFER.test(id));
    expect(missing.map(({ id, detail }) => `${id}: ${detail}`)).toEqual([]);
    expect({ ...node.leftovers(), state: readdirSync(node.state), run: readdirSync(node.run) }).toEqual(
      before,
    );
  });

  it('asked by many at once gives all the same answer', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => node.ok<{ findings: Finding[] }>('GET', '/v1/node/doctor')),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('has a node say what it lacks in its status', async () => {
    const { findings } = await node.ok<{ findings: Finding[] }>('GET', '/v1/node/doctor');
    const status = await node.ok('GET', '/v1/node');
    for (const { ok, what } of findings) if (!ok) expect(JSON.stringify(status.degraded)).toContain(what);
  });
});

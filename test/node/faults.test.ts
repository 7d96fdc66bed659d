import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PHASES, type Phase } from '../../daemon/environments/environment.ts';
import { namespaceSteps } from '../../daemon/environments/namespaces/steps.ts';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

/** Operations, the phases that each goes through, how a sliver is made ready for it, and what is true in the end. */
const OPERATIONS: Record<
  string,
  { phases: Phase[]; from: 'none' | 'running' | 'stopped' | 'frozen'; end: string }
> = {
  create: { phases: ['provision', 'start'], from: 'none', end: 'running' },
  start: { phases: ['start'], from: 'stopped', end: 'running' },
  restart: { phases: ['stop', 'start'], from: 'running', end: 'running' },
  reset: { phases: ['stop', 'discard', 'provision', 'start'], from: 'running', end: 'running' },
  freeze: { phases: ['freeze'], from: 'running', end: 'frozen' },
  thaw: { phases: ['thaw'], from: 'frozen', end: 'running' },
  change: { phases: ['apply'], from: 'running', end: 'running' },
  stop: { phases: ['stop'], from: 'running', end: 'stopped' },
  delete: { phases: ['stop', 'discard'], from: 'running', end: 'gone' },
};

// The steps come from the code that performs them, so a new one is in this test without anybody thinking of it. After a
// step is before the next, as far as the machine goes; only after the last is a moment of its own.
const steps = namespaceSteps({} as Parameters<typeof namespaceSteps>[0]);
const cases = Object.entries(OPERATIONS).flatMap(([operation, { phases }]) => {
  const all = phases.flatMap((phase) => steps[phase].map((step) => `${phase}/${step.name}`));
  return [...all.map((step) => `before:${step}`), `after:${all.at(-1)}`].map((at) => ({ operation, at }));
});

describe('kill -9 of the daemon at every step', () => {
  let node: TestNode;
  let bystander: number;
  const image = smallImageDirectory();

  beforeAll(async () => {
    node = await TestNode.start();
    await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
    const made = await node.ok('POST', '/v1/slivers', { name: 'by_stander', image: 'small' });
    bystander = made.pid;
  });
  afterAll(async () => {
    await node?.stop();
    rmSync(image, { recursive: true, force: true });
  });

  it('reaches every phase there is', () => {
    expect(new Set(Object.values(OPERATIONS).flatMap(({ phases }) => phases))).toEqual(new Set(PHASES));
  });

  // One failure must not make the cases after it fail for its sliver's sake.
  afterEach(async () => {
    if (node.daemon?.exitCode !== null || node.daemon.signalCode !== null) await node.launch();
    await node.request('DELETE', '/v1/slivers/a_b');
  });

  it.each(cases)('$operation, killed $at', async ({ operation, at }) => {
    const { from, end } = OPERATIONS[operation]!;
    if (from !== 'none') await node.ok('POST', '/v1/slivers', { name: 'a_b', image: 'small' });
    if (from === 'stopped') await node.ok('POST', '/v1/slivers/a_b/stop');
    if (from === 'frozen') await node.ok('POST', '/v1/slivers/a_b/freeze');

    await node.kill();
    await node.launch({ SLIVERD_KILL_AT: at }, false);
    // Adoption itself may meet the step (limits are applied to what runs): then there is nobody left to ask.
    await node.serving().then(
      () => ask(node, operation).catch(() => undefined),
      () => undefined,
    );
    await node.ended();
    expect(node.daemon?.signalCode).toBe('SIGKILL');

    await node.launch();
    if (operation === 'change') await ask(node, operation);
    await until(async () => {
      const { status, body } = await node.request('GET', '/v1/slivers/a_b');
      if (status === 404) return end === 'gone';
      return body.state === end && body.cause === null && body.doing === null;
    }, `a_b to be ${end}`);

    const here = end === 'gone' ? [] : ['2'];
    // The doctor looks in the background and clears up after itself; here slivers are looked at.
    const all = node.leftovers();
    const ofSlivers = (path: string) => path.includes('/slivers/');
    const left = { ...all, mounts: all.mounts.filter(ofSlivers), loops: all.loops.filter(ofSlivers) };
    const id = end === 'gone' ? undefined : (await node.ok('GET', '/v1/slivers/a_b')).id;
    const alive = end === 'gone' || end === 'stopped' ? [] : [id];
    expect(left.cgroups).toEqual(sorted([1, ...alive].flatMap((n) => [`s${n}`, `s${n}-access`])));
    expect(left.containers).toEqual(sorted(['s1', ...alive.map((n) => `s${n}`)]));
    expect(left.runs).toEqual(sorted(['1', ...alive.map(String)]));
    expect(left.disks.filter((disk) => !disk.startsWith('1/'))).toHaveLength(here.length);
    expect(left.mounts).toEqual([]);
    expect(left.loops).toHaveLength(1 + alive.length);
    if (end === 'running') expect((await node.exec('a_b', 'cat', '/etc/slicename')).stdout).toBe('a_b\n');
    expect((await node.ok('GET', '/v1/slivers/by_stander')).pid).toBe(bystander);
  });
});

function ask(node: TestNode, operation: string): Promise<unknown> {
  if (operation === 'create') return node.request('POST', '/v1/slivers', { name: 'a_b', image: 'small' });
  if (operation === 'delete') return node.request('DELETE', '/v1/slivers/a_b');
  if (operation === 'change') return node.request('PATCH', '/v1/slivers/a_b', { rspec: { 'pids.max': 100 } });
  return node.request('POST', `/v1/slivers/a_b/${operation}`);
}

function sorted(names: string[]): string[] {
  return names.sort();
}

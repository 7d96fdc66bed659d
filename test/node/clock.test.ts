import { renameSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const HOUR = 3_600_000;
const image = smallImageDirectory();
const clock = new FakeClock();
let node: TestNode;
const sliver = (name: string) => node.ok('GET', `/v1/slivers/${name}`);
/** What the daemon takes for now, in milliseconds. */
const daemonTime = async () => Date.parse(String((await node.request('GET', '/v1/node')).headers.date));
const jumps = async () => {
  const { items } = await node.ok('GET', '/v1/events?subject=test');
  return items
    .filter(({ type }: { type: string }) => type === 'node.clock')
    .map(({ data }: { data: { seconds: number } }) => Math.round(data.seconds / 3600));
};
/** Sets it, and waits until the daemon has seen that. */
async function jump(hours: number): Promise<void> {
  const { length } = await jumps();
  clock.set(hours);
  await until(async () => (await jumps()).length > length, 'the daemon to see it');
}

beforeAll(async () => {
  node = await TestNode.start('', clock.environment);
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
});
afterEach(async () => {
  if ((await jumps()).reduce((sum: number, hours: number) => sum + hours, 0) !== 0) await jump(0);
});
afterAll(async () => {
  await node?.stop();
  rmSync(image, { recursive: true, force: true });
  clock.remove();
});

describe('a clock that is set by hours while the daemon runs', () => {
  it('ends a sliver at its time, and gives it back when that has not come', async () => {
    const make = (name: string, expiresAt: number | null) =>
      node.ok('POST', '/v1/slivers', {
        name,
        image: 'small',
        expiresAt: expiresAt && new Date(expiresAt).toISOString(),
      });
    const { pid } = await make('for_ever', null);
    await make('ends_soon', Date.now() + HOUR);
    await make('ends_later', Date.now() + 5 * HOUR);
    const { pid: later } = await sliver('ends_later');

    await jump(2);
    await until(async () => (await sliver('ends_soon')).state === 'expired', 'it to expire');
    expect(await sliver('ends_later')).toMatchObject({ state: 'running', pid: later });

    await jump(-3);
    await until(async () => (await sliver('ends_soon')).state === 'running', 'it to run again');
    expect(await jumps()).toEqual([2, -5]);
    // A time that is past elsewhere is to come here.
    const made = await make('ends_here', (await daemonTime()) + 3000);
    expect(made.state).toBe('running');
    await until(async () => (await sliver('ends_here')).state === 'expired', 'it to expire');
    expect(await daemonTime()).toBeLessThan(Date.now() - 2 * HOUR);

    expect(await sliver('for_ever')).toMatchObject({ state: 'running', pid });
    expect(await sliver('ends_later')).toMatchObject({ state: 'running', pid: later });
    for (const name of ['for_ever', 'ends_soon', 'ends_later', 'ends_here'])
      await node.ok('DELETE', `/v1/slivers/${name}`);
  });

  it.each([
    ['back', -5],
    ['forward', 5],
  ])('%s: what failed is tried again as before, and says when', async (_, hours) => {
    await node.ok('POST', '/v1/slivers', { name: 'ill_one', image: 'small', desired: 'stopped' });
    renameSync(`${node.state}/images`, `${node.state}/images.away`);
    await node.request('POST', '/v1/slivers/ill_one/start');
    const { attempts } = (await sliver('ill_one')).cause;
    await jump(hours);
    const { cause } = await sliver('ill_one');
    const ahead = Date.parse(cause.retryAt) - (await daemonTime());
    expect(Math.abs(ahead)).toBeLessThan(300_000);
    await until(async () => (await sliver('ill_one')).cause.attempts >= attempts + 2, 'it to be tried again');
    renameSync(`${node.state}/images.away`, `${node.state}/images`);
    await until(async () => (await sliver('ill_one')).state === 'running', 'it to run');
    await node.ok('DELETE', '/v1/slivers/ill_one');
  });

  it.each([
    ['back', -5],
    ['forward', 5],
  ])('%s: a program has the time that it was given', async (_, hours) => {
    await node.ok('POST', '/v1/slivers', { name: 'at_work', image: 'small' });
    await node.exec('at_work', 'mkfifo', '/tmp/go');
    const exec = (timeoutSeconds: number, ...argv: string[]) =>
      node.request('POST', '/v1/slivers/at_work/exec', { argv, timeoutSeconds });
    const enough = exec(3000, 'cat', '/tmp/go');
    await until(async () => (await node.exec('at_work', 'pidof', 'cat')).exitCode === 0, 'it to run');
    const tooLittle = exec(3, 'sleep', '10000');
    await jump(hours);
    await node.exec('at_work', 'sh', '-c', 'echo gone on > /tmp/go');
    expect(await enough).toMatchObject({ status: 200, body: { exitCode: 0, stdout: 'gone on\n' } });
    expect(await tooLittle).toMatchObject({ status: 503, body: { code: 'busy' } });
    await node.ok('DELETE', '/v1/slivers/at_work');
  });
});

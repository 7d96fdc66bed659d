import {
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const image = smallImageDirectory();
let node: TestNode;
let bystander: number;
const sliver = (name: string) => node.ok('GET', `/v1/slivers/${name}`);

/** What crun does with containers for which there is a file `hang/ID` or `fail/ID` in the node's folder. */
const WRAPPER = (folder: string) => `#!/bin/sh
for id; do :; done
case " $* " in
*' run '*)
  while [ -e ${folder}/hang/$id ]; do sleep 0.2; done
  [ ! -e ${folder}/fail/$id ] || { echo 'it had enough' >&2; exit 1; } ;;
esac
exec ${folder}/crun.real "$@"
`;

beforeAll(async () => {
  node = await TestNode.start();
  for (const name of ['hang', 'fail']) mkdirSync(`${node.folder}/${name}`);
  const crun = node.inside('which', 'crun').trim();
  copyFileSync(crun, `${node.folder}/crun.real`);
  writeFileSync(`${node.folder}/crun`, WRAPPER(node.folder), { mode: 0o755 });
  node.inside('mount', '--bind', `${node.folder}/crun`, crun);
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  writeFileSync(`${image}/etc/other`, 'another image\n');
  await node.ok('POST', '/v1/images', { name: 'other', source: { path: image } });
  bystander = (await node.ok('POST', '/v1/slivers', { name: 'by_stander', image: 'small' })).pid;
});
afterAll(async () => {
  await node?.stop();
  rmSync(image, { recursive: true, force: true });
});

/** Asks for it and waits for nothing. */
async function start(name: string): Promise<void> {
  const path = `/v1/slivers/${name}/start`;
  const { status } = await node.request('POST', path, undefined, { prefer: 'respond-async' });
  expect(status).toBe(202);
}

const stopped = (name: string, from = 'small') =>
  node.ok('POST', '/v1/slivers', { name, image: from, desired: 'stopped' });

/** Everything that one may want of a sliver, while others fail. */
async function othersLive(name: string): Promise<void> {
  expect(await node.ok('POST', '/v1/slivers', { name, image: 'small' })).toMatchObject({ state: 'running' });
  expect((await node.exec(name, 'cat', '/etc/slicename')).stdout).toBe(`${name}\n`);
  expect((await node.ok('POST', `/v1/slivers/${name}/restart`)).state).toBe('running');
  await node.ok('DELETE', `/v1/slivers/${name}`);
  expect((await sliver('by_stander')).pid).toBe(bystander);
}

describe('a sliver that cannot start', () => {
  it('for whatever reason, and tried again and again, delays no other', async () => {
    const names = ['crun_fails', 'disk_broken', 'image_missing'].flatMap((name) => [`${name}1`, `${name}2`]);
    for (const name of names) {
      const { id, image: from } = await stopped(name, name.startsWith('image') ? 'other' : 'small');
      if (name.startsWith('crun')) writeFileSync(`${node.folder}/fail/s${id}`, '');
      if (name.startsWith('disk')) breakDisk(`${node.state}/slivers/${id}/1`);
      if (name === 'image_missing2') renameSync(imageFolder(from.digest), `${node.folder}/away`);
    }
    for (const name of names) await start(name);
    await until(async () => {
      const all = await Promise.all(names.map(sliver));
      return all.every(({ cause }) => cause?.attempts >= 3);
    }, 'all to fail, again and again');
    await othersLive('one_well');

    const steps = await Promise.all(names.map(async (name) => (await sliver(name)).cause.step));
    expect(steps).toEqual(['start/run', 'start/run', 'start/root', 'start/root', 'start/root', 'start/root']);
    expect((await sliver('crun_fails1')).cause.reason).toMatch(/crun run/);

    // Each is as it should be once its reason is gone.
    rmSync(`${node.folder}/fail`, { recursive: true });
    renameSync(`${node.folder}/away`, imageFolder((await sliver('image_missing1')).image.digest));
    for (const name of names.filter((each) => each.startsWith('disk')))
      await node.ok('POST', `/v1/slivers/${name}/reset`);
    await until(async () => {
      const all = await Promise.all(names.map(sliver));
      return all.every(({ state, cause }) => state === 'running' && cause === null);
    }, 'all to run');
    for (const name of names) await node.ok('DELETE', `/v1/slivers/${name}`);
  });

  it('because crun hangs, neither: as many as there are turns, and one more', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `crun_hangs${index}`);
    for (const name of names) writeFileSync(`${node.folder}/hang/s${(await stopped(name)).id}`, '');
    for (const name of names) await start(name);
    const hanging = async () => {
      const all = await Promise.all(names.map(sliver));
      return all.filter(({ doing }) => doing?.startsWith('making its namespaces')).length;
    };
    await until(async () => (await hanging()) >= 4, 'all turns to be taken');
    await othersLive('one_well');
    expect(await Promise.all(names.map(async (name) => (await sliver(name)).state))).not.toContain('running');

    // What hangs is ended, its reason said, and tried again; that harms nobody either.
    await until(
      async () => {
        const all = await Promise.all(names.map(sliver));
        return all.every(({ cause }) => /crun run s\d+: did not end/.test(cause?.reason ?? ''));
      },
      'what hangs to be ended',
      100_000,
    );
    await othersLive('one_well');
    rmSync(`${node.folder}/hang`, { recursive: true });
    await until(async () => {
      const all = await Promise.all(names.map(sliver));
      return all.every(({ state, cause }) => state === 'running' && cause === null);
    }, 'all to run');
  });
});

const imageFolder = (digest: string) => `${node.state}/images/${digest.split(':')[1]}`;

/** A disk that nothing can be read from any more, of either kind (docs/decisions/0006-disks.md). */
function breakDisk(folder: string): void {
  if (existsSync(`${folder}/disk.img`)) truncateSync(`${folder}/disk.img`, 4096);
  else writeFileSync(`${folder}/work`, 'no directory');
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { POWER_CUT, told, vm } from './vm.ts';

// The power goes while the node works, and the disk is what is left: what was acknowledged is there again, what was
// half done is done or gone, and nothing is orphaned. Three boots of one disk: test/vm/guest/power-cut.ts.
const directory = mkdtempSync(join(tmpdir(), 'sliverd-vm-test.'));
const disk = join(directory, 'disk.img');
afterAll(() => rmSync(directory, { recursive: true }));

async function boot(name: string, last = false): Promise<ReturnType<typeof told>> {
  const script = `node test/vm/guest/power-cut.ts ${name} || { tail -n 30 /run/sliverd.log; exit 1; }`;
  const result = await vm({ disk, ...(last ? {} : { killWhen: 'CUT' }) }, script);
  expect(result.exitCode, result.output).toBe(last ? 0 : POWER_CUT);
  return told(result.output);
}

function expectWhole(state: any, names: string[], images: string[]): void {
  const { slivers, alive, existing } = state;
  expect(slivers.map(({ name }: any) => name).sort()).toEqual(names);
  for (const sliver of slivers)
    expect(sliver, sliver.name).toMatchObject({ desired: 'running', state: 'running', cause: null });
  for (const name of names)
    expect(alive[name], name).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(`^${name}\n`) });
  expect(alive.lab_kept.stdout).toContain('\nwritten\n');

  const ids = slivers.map(({ id }: any) => id).sort();
  const kernelNames = ids.map((id: number) => `s${id}`);
  expect(state.images.map(({ name }: any) => name)).toEqual(images);
  expect(existing).toEqual({
    cgroups: kernelNames.flatMap((name: string) => [name, `${name}-access`]).sort(),
    containers: kernelNames,
    runs: ids.map(String),
    disks: ids.map((id: number) => `${id}/1`),
    mounts: [],
    loops: [],
    images: state.images.map(({ digest }: any) => digest.replace('sha256:', '')),
  });
}

const THREE_BOOTS = { timeout: 900_000 };
it(
  'a power cut amid a create, then one amid a delete and an import, are each followed by a clean start',
  THREE_BOOTS,
  async () => {
    await boot('create');

    const { state: afterCreate } = await boot('delete');
    expectWhole(afterCreate, ['lab_cut', 'lab_kept'], ['small']);

    const { state: afterDelete, left, integrity } = await boot('last', true);
    expectWhole(afterDelete, ['lab_kept'], ['small']);
    expect(afterDelete.log).toContain('removed a leftover'); // the import's staging: it was cut indeed
    expect(Object.values(left).flat()).toEqual([]);
    expect(integrity).toEqual([{ integrity_check: 'ok' }]);

    execFileSync('e2fsck', ['-fn', disk], { stdio: 'pipe' }); // throws when the file system or its quotas aren't right
  },
);

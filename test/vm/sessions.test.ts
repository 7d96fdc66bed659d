import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { told, vm } from './vm.ts';

/** test/vm/guest/sessions.ts does it. */
describe('the sessions of a slice', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sliverd-vm-test.'));
  let seen: ReturnType<typeof told>;
  const HERE = { status: 0, stdout: 'here\n', stderr: '' };

  beforeAll(async () => {
    const script = 'node test/vm/guest/sessions.ts || { tail -n 30 /run/sliverd.log; exit 1; }';
    const result = await vm({ disk: join(directory, 'disk.img'), timeoutSeconds: 600 }, script);
    expect(result.exitCode, result.output).toBe(0);
    seen = told(result.output);
  }, 660_000);
  afterAll(() => rmSync(directory, { recursive: true }));

  it('are bounded in processes and memory', () => {
    expect(seen.bounds).toEqual({ pids: 2048, memory: 768 * 2 ** 20 });
  });

  it('that have as many processes as they may are told so, and other slices log in', () => {
    const { full, calm, left } = seen.pids;
    expect(full).toMatchObject({ status: 255, stdout: '' });
    expect(full.stderr).toBe(
      'sliverd: the sessions of acc_hog have as many processes as they may: end one first\n',
    );
    expect(calm).toEqual(HERE);
    expect(left).toBe(3);
    expect(seen.again).toEqual(HERE);
  });

  it('that have all the memory they may are ended by the kernel, and other slices log in', () => {
    const { full, calm, events, again } = seen.memory;
    expect(full.status).not.toBe(0);
    expect(events).toMatch(/^oom_kill [1-9]/m);
    expect(calm).toEqual(HERE);
    expect(again).toEqual(HERE);
  });

  it('leave nothing behind', () => {
    const { images, ...rest } = seen.left;
    expect(images).toHaveLength(1);
    expect(Object.values(rest).flat()).toEqual([]);
  });
});

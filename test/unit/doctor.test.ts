import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench } from '../../daemon/node/doctor/bench.ts';
import { type Finding, loadRequirements, type Requirement } from '../../daemon/node/doctor/finding.ts';
import { attempt, examine, formatFindings } from '../../daemon/node/doctor/index.ts';
import { LANES } from '../../daemon/node/doctor/probes/index.ts';

const PROFILES = join(import.meta.dirname, '../../kernel-profiles');
const requirement: Requirement = {
  id: 'example',
  what: 'an example',
  for: 'this test',
  severity: 'required',
  cost: 'Nothing holds.',
  mend: 'write one',
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'doctor-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('requirements and probes', () => {
  const ids = loadRequirements(PROFILES).map(({ id }) => id);

  test('each requirement has one probe, and each probe a requirement', () => {
    expect(LANES.flatMap((lane) => Object.keys(lane)).sort()).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('an attempt', () => {
  const bench = () =>
    new Bench({ stateDirectory: dir, runDirectory: dir, cgroupRoot: `${dir}/none`, profilesDir: PROFILES });

  test('tells what it saw', async () => {
    const finding = await attempt(requirement, async () => 'there', bench());
    expect(finding).toEqual({ ...requirement, ok: true, detail: 'there' });
  });

  test('that throws is a failed finding with the whole reason', async () => {
    const probe = async () => {
      throw new Error('outer', { cause: new Error('inner\nlines') });
    };
    const finding = await attempt(requirement, probe, bench());
    expect(finding).toMatchObject({ ok: false, detail: 'outer: inner lines' });
  });

  test('that throws before its first await is none the worse', async () => {
    const probe = () => {
      throw new Error('at once');
    };
    expect(await attempt(requirement, probe, bench())).toMatchObject({ ok: false, detail: 'at once' });
  });

  test('that does not end is given up', async () => {
    const finding = await attempt(requirement, () => new Promise(() => {}), bench(), 20);
    expect(finding).toMatchObject({ ok: false, detail: 'no answer in 0.02 s' });
  });
});

describe('an examination', () => {
  const examination = (more: object = {}) => ({
    stateDirectory: `${dir}/deep/state`,
    runDirectory: `${dir}/run`,
    cgroupRoot: dir,
    only: ['state-directory', 'cgroup2', 'cgroup-cpu', 'util-linux'],
    ...more,
  });

  test('finds what is there and what is not, in the order of the requirements', async () => {
    const findings = await examine(examination());
    expect(findings.map(({ id, ok }) => [id, ok])).toEqual([
      ['cgroup2', false],
      ['cgroup-cpu', false],
      ['util-linux', true],
      ['state-directory', true],
    ]);
    expect(findings[0]?.detail).toContain('is not a cgroup v2 hierarchy');
  });

  test('leaves nothing behind, not even directories that it had to make', async () => {
    await examine(examination());
    expect(readdirSync(dir)).toEqual([]);
  });

  test('clears what a killed one left, and leaves that of a living one', async () => {
    const bench = new Bench({
      stateDirectory: dir,
      runDirectory: dir,
      cgroupRoot: `${dir}/none`,
      profilesDir: PROFILES,
    });
    const folder = bench.stateFolder('x');
    const [mine = ''] = readdirSync(dir);
    const dead = mine.replace(/\d+$/, '4194305'); // more than the kernel's highest pid
    const alive = mine.replace(/\d+$/, '1');
    for (const name of [dead, alive]) mkdirSync(`${dir}/${name}/y`, { recursive: true });
    await bench.clear();
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(dir)).toEqual([alive]);
  });

  test('asked for twice at once is made once', async () => {
    const one = examine(examination());
    expect(examine(examination())).toBe(one);
    await one;
    const later = examine(examination());
    expect(later).not.toBe(one);
    await later;
  });

  test('that is called off throws the reason and leaves nothing behind', async () => {
    const calledOff = new AbortController();
    const one = examine(examination({ signal: calledOff.signal }));
    calledOff.abort(new Error('enough'));
    await expect(one).rejects.toThrow('enough');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('of a state directory that is a file fails with the reason', async () => {
    const stateDirectory = join(import.meta.dirname, 'doctor.test.ts');
    const [finding] = await examine(examination({ stateDirectory, only: ['state-directory'] }));
    expect(finding).toMatchObject({ ok: false });
    expect(finding?.detail).toMatch(/ENOTDIR|EEXIST/);
  });
});

describe('the table', () => {
  const good: Finding = { ...requirement, ok: true, detail: 'seen with own eyes' };
  const bad: Finding = { ...requirement, what: 'another example', ok: false, detail: 'not there' };

  test('says cost and mend of what is missing only', () => {
    const text = formatFindings([good, bad], { colour: false });
    expect(text).toContain('✓ an example       seen with own eyes\n✗ another example  not there\n');
    expect(text).toContain('    cost: Nothing holds.\n    mend: write one\n');
    expect(text.match(/cost:/g)).toHaveLength(1);
    expect(text).toContain('1 of 2 missing: 1 required');
    expect(text).not.toContain('\x1b');
  });

  test('is glad when nothing is missing', () => {
    expect(formatFindings([good], { colour: false })).toContain('everything that a node needs');
  });

  test('cuts details to the width, and colours by severity', () => {
    const text = formatFindings([good, { ...bad, severity: 'degraded' }], { colour: true, width: 30 });
    expect(text).toContain('\x1b[2mseen with …\x1b[0m');
    expect(text).toContain('\x1b[33m✗\x1b[0m');
    expect(text).toContain('1 that the node can do without');
  });
});

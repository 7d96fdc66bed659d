import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type KernelProfile, loadProfiles } from '../../daemon/environments/profiles.ts';
import { SliverdError } from '../../daemon/errors.ts';

const SHIPPED = join(import.meta.dirname, '../../kernel-profiles');

const capabilities = (profile?: KernelProfile) => profile?.capabilities.flatMap((group) => group.add) ?? [];
const groups = (profile?: KernelProfile) => profile?.seccomp.map((group) => group.name) ?? [];

describe('the profiles that come with the node', () => {
  const profiles = loadProfiles(SHIPPED);

  test('are these four', () => {
    expect([...profiles.keys()]).toEqual(['measurement', 'restricted', 'routing', 'standard']);
  });

  test('raw sockets are refused where capture is not promised', () => {
    expect(groups(profiles.get('standard'))).toContain('raw-sockets');
    expect(groups(profiles.get('restricted'))).toContain('raw-sockets');
    expect(groups(profiles.get('measurement'))).not.toContain('raw-sockets');
    expect(groups(profiles.get('routing'))).not.toContain('raw-sockets');
  });

  test('only routing administers its network', () => {
    const with_ = [...profiles.values()].filter((profile) => capabilities(profile).includes('CAP_NET_ADMIN'));
    expect(with_.map((profile) => profile.name)).toEqual(['routing']);
  });

  test('none has a capability that would be over the whole machine', () => {
    const machine = [
      'CAP_SYS_MODULE',
      'CAP_SYS_RAWIO',
      'CAP_SYS_TIME',
      'CAP_BPF',
      'CAP_PERFMON',
      'CAP_SYSLOG',
      'CAP_MKNOD',
    ];
    for (const profile of profiles.values())
      expect(capabilities(profile).filter((name) => machine.includes(name))).toEqual([]);
  });

  test('restricted has no more than standard of anything', () => {
    const [restricted, standard] = [profiles.get('restricted'), profiles.get('standard')];
    expect(capabilities(standard)).toEqual(expect.arrayContaining(capabilities(restricted)));
    expect(groups(restricted)).toEqual(expect.arrayContaining(groups(standard)));
  });

  test('a condition on a flag compares that flag only, and its value lies within its mask', () => {
    for (const rule of [...profiles.values()]
      .flatMap((profile) => profile.seccomp)
      .flatMap((group) => group.refuse))
      for (const condition of rule.when ?? [])
        if ('is' in condition && condition.mask)
          for (const value of condition.is)
            expect(Number(BigInt(value) & BigInt(condition.mask))).toBe(value);
  });
});

describe('a folder with a bad profile', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'profiles-'));
    cpSync(SHIPPED, dir, { recursive: true });
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const spoil = (change: (profile: Record<string, unknown>) => void) => {
    const file = join(dir, 'standard.json');
    const profile = JSON.parse(readFileSync(file, 'utf8'));
    change(profile);
    writeFileSync(file, JSON.stringify(profile));
  };
  const failure = (): SliverdError => {
    try {
      loadProfiles(dir);
    } catch (error) {
      expect(error).toBeInstanceOf(SliverdError);
      return error as SliverdError;
    }
    throw new Error('it was taken');
  };

  test('an unknown member is named, with the file', () => {
    spoil((profile) => {
      profile.privileged = true;
    });
    expect(failure().code).toBe('bad-profile');
    expect(failure().message).toMatch(/standard\.json.*'privileged'/);
  });

  test('a wrong value is pointed at', () => {
    spoil((profile) => {
      profile.capabilities = [{ why: 'because of a test', add: ['ALL'] }];
    });
    expect(failure().extra).toMatchObject({ pointer: '/capabilities/0/add/0' });
  });

  test("a sysctl of the whole machine's is refused", () => {
    spoil((profile) => {
      profile.sysctls = [{ why: 'because of a test', set: { 'kernel.panic': '1' } }];
    });
    expect(failure().extra).toMatchObject({ pointer: '/sysctls/0/set' });
  });

  test.each(['toString', 'no-such-group'])('a group of calls that is not there: %s', (name) => {
    spoil((profile) => {
      profile.seccomp = [name];
    });
    expect(failure().extra).toMatchObject({ pointer: '/seccomp/0' });
  });

  test('a reason is required, on one line', () => {
    spoil((profile) => {
      profile.why = 'two\nlines of reason';
    });
    expect(failure().extra).toMatchObject({ pointer: '/why' });
  });

  test('a name unlike its file', () => {
    spoil((profile) => {
      profile.name = 'special';
    });
    expect(failure().message).toMatch(/standard\.json: \/name/);
  });

  test('no JSON at all', () => {
    writeFileSync(join(dir, 'mine.json'), '{');
    expect(failure().message).toMatch(/mine\.json/);
  });

  test("a profile of the owner's own is found", () => {
    const text = readFileSync(join(dir, 'standard.json'), 'utf8');
    writeFileSync(join(dir, 'mine.json'), text.replace('"standard"', '"mine"'));
    expect(loadProfiles(dir).get('mine')?.seccomp.length).toBeGreaterThan(0);
  });

  test('a missing folder', () => {
    expect(() => loadProfiles(join(dir, 'nowhere'))).toThrow(SliverdError);
  });
});

import { describe, expect, it } from 'vitest';
import { imageSource } from '../../daemon/cli/commands/image.ts';
import { eventText } from '../../daemon/cli/events.ts';
import { execRequest, statusOf } from '../../daemon/cli/exec/session.ts';
import { separateCommand } from '../../daemon/cli/exec/words.ts';
import { portsText } from '../../daemon/cli/output/port.ts';
import { progressText } from '../../daemon/cli/output/progress.ts';
import { tuplesText } from '../../daemon/cli/output/sensor.ts';
import { sliverTable, sliverText, usageText } from '../../daemon/cli/output/sliver.ts';
import { hasColour, paint, plain } from '../../daemon/cli/output/style.ts';
import { properties, table } from '../../daemon/cli/output/table.ts';
import type { Sliver } from '../../daemon/manager/schemas.ts';
import { DEFAULT_RSPEC } from '../../daemon/resources/rspec.ts';

const sliver: Sliver = {
  name: 'ucb_p2ps',
  id: 7,
  environment: 'namespaces',
  image: { name: 'debian-12', digest: `sha256:${'a'.repeat(64)}` },
  profile: 'standard',
  rspec: DEFAULT_RSPEC,
  keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIabcdefghijkl me@host'],
  initscript: null,
  createdAt: new Date(Date.now() - 3 * 3600_000).toISOString(),
  expiresAt: null,
  deletedAfterSeconds: null,
  desired: 'running',
  state: 'running',
  since: new Date(Date.now() - 3 * 3600_000).toISOString(),
  doing: null,
  pid: 4242,
  roles: [],
  authority: null,
  addresses: ['192.0.2.1', '2001:db8::1'],
  cause: null,
};

describe('tables', () => {
  it('align columns, numbers to the right, without trailing spaces', () => {
    expect(
      table(
        ['NAME', 'SIZE'],
        [
          ['a', '1K'],
          ['longer', '100M'],
        ],
        { right: ['SIZE'] },
      ),
    ).toBe('NAME    SIZE\na         1K\nlonger  100M\n');
    expect(table(['A', 'B'], [['', '']])).toBe('A  B\n-  -\n');
  });
  it('count what is seen, not the colours', () => {
    const rows = [[{ text: 'running', style: 'green' as const }, 'x']];
    const coloured = table(['STATE', 'B'], rows, { colour: true });
    expect(coloured).toContain('\u001b[32mrunning\u001b[0m  x');
  });
  it('leave out properties without a value', () => {
    expect(
      properties([
        ['A', 'x'],
        ['Long', null],
        ['Bc', ['1', '2']],
      ]),
    ).toBe('A   x\nBc  1\n    2\n');
  });
  it('let no control character of a sliver reach the terminal', () => {
    expect(plain('a\u001b]0;x\u0007b\nc\u009b')).toBe('a\\x1b]0;x\\x07b c\\x9b');
    expect(table(['A'], [['\u001b[2J']])).not.toContain('\u001b');
  });
});

describe('slivers for people', () => {
  it('show state, age and resources', () => {
    const [heading, row] = sliverTable([sliver], false).split('\n');
    expect(heading).toBe('NAME      STATE    SINCE  IMAGE      CPU  MEMORY  DISK  EXPIRES');
    expect(row).toBe('ucb_p2ps  running  3 h    debian-12  max    512M    2G  never');
  });
  it('tell why, where there is a why', () => {
    const cause = {
      step: 'start/run',
      reason: 'crun: no such file',
      since: sliver.since,
      attempts: 3,
      retryAt: null,
    };
    const failed: Sliver = { ...sliver, state: 'failed', cause };
    expect(sliverTable([sliver, failed], false)).toMatch(/WHY\n.*\n.*start\/run: crun: no such file\n/);
    expect(sliverText(failed, false)).toMatch(
      /Why +start\/run: crun: no such file\nTried +3 times since .*, not tried/,
    );
  });
  it('show of one that has expired when it is deleted', () => {
    const expired = { ...sliver, expiresAt: '2026-01-02T03:04:05Z', deletedAfterSeconds: 13.6 * 86_400 };
    expect(sliverText(expired, false)).toMatch(
      /^Deleted +when the node has run for another 13 d, unless it is renewed$/m,
    );
    expect(sliverText(sliver, false)).not.toMatch(/^Deleted/m);
  });
  it('show of a key what tells it from others', () => {
    expect(sliverText(sliver, false)).toContain('ssh-ed25519 …abcdefghijkl me@host');
  });
});

describe('ports', () => {
  const items = [
    {
      protocol: 'tcp',
      port: 80,
      sliver: null,
      by: 'node',
      since: '2026-01-01T00:00:00Z',
      sockets: 0,
    } as const,
  ];
  it('are listed, and it is said first where they are not had by binding them', () => {
    expect(portsText({ had: 'bind', items }, false)).toMatch(/^PORT .*\n80\/tcp +the node/);
    expect(portsText({ had: 'reservation', items }, false)).toMatch(
      /^Ports are had by reservation only[\s\S]*80\/tcp/,
    );
    expect(portsText({ had: 'none', items: [] }, false)).toMatch(/^Slivers share no public address/);
  });
});

describe('colour', () => {
  it('only on a terminal, and not where it is not wanted', () => {
    expect(hasColour({ isTTY: true }, {})).toBe(true);
    expect(hasColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
    expect(hasColour({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
    expect(hasColour({ isTTY: false }, {})).toBe(false);
    expect(paint('x', 'red', false)).toBe('x');
  });
});

describe('events', () => {
  const event = { id: 3, time: '2026-03-01T12:00:00Z', subject: 'ucb_p2ps' };
  it('are lines', () => {
    const text = eventText(
      { ...event, type: 'sliver.failed', data: { reason: 'no such file', attempts: 2 } },
      false,
    );
    expect(text).toMatch(/ {2}sliver\.failed {7}ucb_p2ps {10}reason="no such file" attempts=2\n$/);
  });
  it('of progress tell what is waited for', () => {
    expect(
      progressText({ ...event, type: 'sliver.progress', data: { step: 'a/b', doing: 'making the disk' } }),
    ).toBe('making the disk');
    expect(
      progressText({ ...event, type: 'image.progress', data: { message: 'unpacking', percent: 41.6 } }),
    ).toBe('unpacking (42 %)');
    expect(progressText({ ...event, type: 'sliver.started', data: {} })).toBeUndefined();
  });
});

describe('exec', () => {
  it.each([
    ['sliver exec x ls -l', 'sliver exec x -- ls -l'],
    ['sliver exec x -- ls -- -l', 'sliver exec x -- ls -- -l'],
    ['--json sliver exec -u 0 x -e A=b ls --json', '--json sliver exec -u 0 x -e A=b -- ls --json'],
    ['sliver exec x', 'sliver exec x'],
    ['sliver start x y z', 'sliver start x y z'],
    ['image import x y z', 'image import x y z'],
  ])('separates the command: %s', (given, expected) => {
    expect(separateCommand(given.split(' '))).toEqual(expected.split(' '));
  });
  it('makes its request', () => {
    const options = { user: '1000:100', workdir: '/srv', env: ['A=b=c', 'NOT_SET_ANYWHERE'], stdin: true };
    expect(execRequest(['id'], options)).toEqual({
      argv: ['id'],
      user: '1000:100',
      cwd: '/srv',
      env: { A: 'b=c' },
    });
    expect(execRequest(['id'], { user: 'alice', stdin: true })).toEqual({ argv: ['id'], user: 'alice' });
    expect(() => execRequest(['id'], { user: '../alice', stdin: true })).toThrow(/not a user/);
    expect(() => execRequest(['id'], { workdir: 'srv', stdin: true })).toThrow(/begin with/);
    expect(() => execRequest(['id'], { env: ['1=2'], stdin: true })).toThrow(/NAME=VALUE/);
  });
  it('passes on how it ended', () => {
    expect(statusOf({ exitCode: 42 })).toBe(42);
    expect(statusOf({ signal: 'KILL' })).toBe(137);
    expect(statusOf({ signal: 'SIGTERM' })).toBe(143);
  });
});

describe('usage', () => {
  const none = { times: 0, dropped: 0 };
  const network = {
    bytes: { up: 3 * 2 ** 20, down: 2 ** 30, exemptUp: 0, exemptDown: 5 * 2 ** 20 },
    held: { up: { times: 12, dropped: 3 }, down: none },
    day: {
      up: { bytes: 14 * 2 ** 30, of: 16 * 2 ** 30, slowedTo: 1_500_000 },
      down: { bytes: 2 ** 30 },
      ends: '2026-01-03T00:00:00.000Z',
    },
  };
  it('says what a sliver sent and received, of how much, and what was held back', () => {
    const text = usageText({ network }, false);
    expect(text).toMatch(/^Sent +3M$/m);
    expect(text).toMatch(/^Received +1G, and 5M exempt$/m);
    expect(text).toMatch(/^Held back +sending: had to wait 12 times, 3 packets dropped$/m);
    expect(text).toMatch(/^Sent today +14G of 16G until .*, so slowed to 1\.5Mbit\/s$/m);
    expect(text).toMatch(/^Received today +1G until [^,]*$/m);
  });
  it('says nothing of bounds that did nothing, nor of a network that is not there', () => {
    expect(usageText({ network: { ...network, held: { up: none, down: none } } }, false)).not.toMatch(/Held/);
    expect(usageText({}, false)).not.toMatch(/Sent|Received|Held/);
  });
});

describe('image sources', () => {
  it('are references or absolute paths', () => {
    expect(imageSource('docker://debian:12')).toEqual({ docker: 'debian:12' });
    expect(imageSource('/a/b.tar')).toEqual({ path: '/a/b.tar' });
    expect(imageSource('b.tar')).toEqual({ path: `${process.cwd()}/b.tar` });
    expect(() => imageSource('http://x')).toThrow(/path or from docker/);
    expect(() => imageSource('docker://')).toThrow(/reference is missing/);
  });
});

describe('tuples of a sensor', () => {
  const column = (name: string, type: 'text' | 'number') => ({ name, type, description: '' });
  const answer = {
    ...{ name: 'slivers', author: null },
    columns: [column('slice', 'text'), column('cpu', 'number'), column('note', 'text')],
    items: [
      { slice: 'a_b', cpu: 1.5, note: null },
      { slice: 'a_long', cpu: 10, note: 'x\u001b[2Jy' },
    ],
  };

  it('are a table, of the columns that are wanted, without what moves a cursor', () => {
    expect(tuplesText(answer, ['cpu', 'slice'], false)).toBe('cpu  slice\n1.5  a_b\n 10  a_long\n');
    expect(tuplesText(answer, undefined, false)).not.toMatch(/\u001b/);
    expect(() => tuplesText(answer, ['cup'], false)).toThrow(/no column 'cup'/);
  });

  it('are a list where there is one', () => {
    const [first] = answer.items;
    expect(tuplesText({ ...answer, items: [first!] }, undefined, false)).toBe('slice  a_b\ncpu    1.5\n');
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../daemon/node/config.ts';
import { parseCsv, toCsv } from '../../daemon/sensors/csv.ts';
import { toOpenMetrics } from '../../daemon/sensors/openmetrics.ts';
import { wholeNode } from '../../daemon/sensors/own/node.ts';
import type { PublishedSensors } from '../../daemon/sensors/published/published.ts';
import { lengthOf, tuplesOf } from '../../daemon/sensors/published/response.ts';
import { Ring } from '../../daemon/sensors/rates/ring.ts';
import { Reading } from '../../daemon/sensors/reading.ts';
import type { Column, Row, Sensor } from '../../daemon/sensors/sensor.ts';
import { Sensors } from '../../daemon/sensors/sensors.ts';

const column = (name: string, more: Partial<Column> = {}): Column => {
  return { name, type: 'text', description: `the ${name}`, ...more };
};
const columns = [column('slice'), column('used', { type: 'number' }), column('since', { type: 'time' })];
const rows: Row[] = [
  ['a_b', 1.5, null],
  ['a_c', -2, '2026-01-01T00:00:00.000Z'],
];
const sensor = (more: Partial<Sensor> = {}): Sensor => {
  const about = { name: 'slivers', description: '', author: null, columns, maxAge: 5 };
  return { ...about, read: async () => ({ columns, rows }), ...more };
};

describe('CSV', () => {
  const written = (value: string) => toCsv({ columns: [column('a')], rows: [[value]] }).slice(3, -2);

  it('has a header row, and lines that end with CR LF', () => {
    expect(toCsv({ columns, rows })).toBe(
      'slice,used,since\r\na_b,1.5,\r\na_c,-2,2026-01-01T00:00:00.000Z\r\n',
    );
  });

  it.each([
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['two\r\nlines', 'two  lines'],
    ['=1+1', "'=1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['+x', "'+x"],
    ['-cmd', "'-cmd"],
    ['\t=1', "' =1"],
    ['-3.5', '-3.5'],
    ['-1e3', '-1e3'],
    ['', ''],
  ])('%j is %s', (value, text) => expect(written(value)).toBe(text));

  it('is read as it was written, each tuple from a line of its own', () => {
    const texts = fc
      .string({ unit: 'binary' })
      .map((text) => text.replaceAll(/[\p{Cc}\u2028\u2029\ud800-\udfff]/gu, ' '));
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, texts), { maxLength: 20 }), (pairs) => {
        const text = toCsv({ columns: [column('a'), column('b')], rows: pairs });
        expect(text.split('\r\n')).toHaveLength(pairs.length + 2);
        const shown = (value: string) =>
          /^ *[=+\-@]/.test(value) && !/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? `'${value}` : value;
        expect(parseCsv(text, 1000)).toEqual([['a', 'b'], ...pairs.map((pair) => pair.map(shown))]);
      }),
    );
  });

  it.each(['"a', 'a"b', '"a"b', 'a\rb'])('%j is none', (text) => {
    expect(parseCsv(text, 100)).toBeUndefined();
  });

  it('is read to a bound', () => {
    expect(parseCsv('a,b\n'.repeat(3), 6)).toHaveLength(3);
    expect(parseCsv('a,b\n'.repeat(3), 5)).toBeUndefined();
    expect(parseCsv('', 5)).toEqual([]);
    expect(parseCsv('a,', 5)).toEqual([['a', '']]);
    expect(parseCsv('a\n\n', 5)).toEqual([['a'], ['']]);
  });
});

describe('a reading', () => {
  it('gives the rows that have a text in a column, or one of several', async () => {
    const reading = await Reading.of(sensor());
    const items = (filters: Record<string, string[]>) => JSON.parse(String(reading.json(filters))).items;
    expect(items({ slice: ['a_b'] })).toEqual([{ slice: 'a_b', used: 1.5, since: null }]);
    expect(items({ slice: ['a_b', 'a_c', 'a_d'] })).toHaveLength(2);
    expect(items({ slice: ['a_b'], used: ['-2'] })).toEqual([]);
    expect(items({ since: [''] })).toHaveLength(1);
    expect(() => reading.csv({ __proto__: ['x'] } as never)).not.toThrow();
    expect(() => reading.csv({ uesd: ['1'] })).toThrow(/no column 'uesd' \(columns: slice, used, since\)/);
  });
});

describe('who asks', () => {
  const published = {
    list: () => [],
    find: () => undefined,
    edition: () => 0,
  } as unknown as PublishedSensors;

  it('has the same reading as all others within its age, also while it is made and when it fails', async () => {
    let reads = 0;
    let answer = Promise.withResolvers<{ columns: Column[]; rows: Row[] }>();
    const one = sensor({
      maxAge: 0.02,
      read: () => {
        reads++;
        return answer.promise;
      },
    });
    const sensors = new Sensors([one], published);
    const all = Array.from({ length: 100 }, () => sensors.read(one));
    await sleep(50); // longer than it is good for: it is under way
    all.push(sensors.read(one));
    answer.resolve({ columns, rows });
    expect(new Set(await Promise.all(all)).size).toBe(1);
    expect(reads).toBe(1);
    answer = Promise.withResolvers();
    answer.reject(new Error('no'));
    const failed = await Promise.allSettled(Array.from({ length: 100 }, () => sensors.read(one)));
    expect(failed.every(({ status }) => status === 'rejected')).toBe(true);
    expect(reads).toBe(2);
  });

  it('of an unknown sensor is told where they are listed', () => {
    expect(() => new Sensors([], published).find('nodes')).toThrow(/no sensor 'nodes'.*GET \/v1\/sensors/);
  });
});

describe('rates', () => {
  const at = (seconds: number, cpu: number, up = 0) => ({ at: seconds * 1000, cpu, up, down: 0 });

  it('are of the time asked for, or of what is known', () => {
    const ring = new Ring(62);
    expect(ring.rates(at(0, 0), 60)).toBeUndefined();
    // Busy for ten minutes, and idle for the last two.
    for (let seconds = 0; seconds <= 720; seconds += 15) ring.add(at(seconds, Math.min(seconds, 600) * 1e6));
    const cpu = (window: number) => ring.rates(at(721, 600e6), window)?.cpu;
    expect(cpu(60)).toBe(0);
    expect(cpu(300)).toBeCloseTo(((600 - 420) / 301) * 1e6, 0);
    expect(cpu(900)).toBeCloseTo((600 / 721) * 1e6, 0);
  });

  it('are right when the ring has gone round, and begin anew when a counter goes back', () => {
    const ring = new Ring(5);
    for (let seconds = 0; seconds <= 300; seconds += 15) ring.add(at(seconds, seconds * 1e6, seconds * 100));
    expect(ring.rates(at(315, 315e6, 31_500), 900)).toEqual({ cpu: 1e6, up: 100, down: 0 });
    expect(ring.rates(at(330, 5, 0), 60)).toBeUndefined();
    ring.add(at(330, 5, 0));
    expect(ring.rates(at(340, 10_000_005, 0), 60)).toEqual({ cpu: 1e6, up: 0, down: 0 });
  });
});

describe('what the program of a slice answers', () => {
  const answer = (body: string, head = 'content-type: text/csv') =>
    Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`);

  it('becomes tuples of text', () => {
    const tuples = tuplesOf(answer('place,celsius\r\nroom,-3.5\n', 'Content-Type: text/csv; charset=utf-8'));
    expect(tuples).toMatchObject({
      columns: [{ name: 'place' }, { name: 'celsius' }],
      rows: [['room', '-3.5']],
    });
  });

  it('ends where its head says, and is not waited for longer', () => {
    const bytes = answer('a\n1\nmore', 'content-type: text/csv\r\ncontent-length: 4');
    expect(tuplesOf(bytes)).toMatchObject({ rows: [['1']] });
    expect(lengthOf(bytes)).toBe(bytes.length - 4);
    expect(lengthOf(answer('a\n'))).toBe(Number.POSITIVE_INFINITY);
    expect(lengthOf(Buffer.from('HTTP/1.1 200'))).toBeUndefined();
    expect(lengthOf(Buffer.alloc(9000, 'x'))).toBe(0);
  });

  it.each([
    ['nothing', Buffer.alloc(0), /no HTTP/],
    ['no HTTP', Buffer.from('SSH-2.0-x\r\n\r\n'), /no HTTP/],
    ['another status', Buffer.from('HTTP/1.1 500 a secret\r\n\r\n'), /another status/],
    ['HTML', answer('a\n', 'content-type: text/html'), /not text\/csv/],
    ['no type', answer('a\n', 'x: y'), /not text\/csv/],
    [
      'chunks',
      answer('2\r\na\n\r\n0\r\n\r\n', 'content-type: text/csv\r\ntransfer-encoding: chunked'),
      /encoding/,
    ],
    ['no UTF-8', Buffer.concat([answer('a\n'), Buffer.from([0xff, 0xfe])]), /UTF-8/],
    ['no CSV', answer('a\n"'), /not CSV/],
    ['too many cells', answer('a\n1'.repeat(9000)), /8192 cells/],
    ['too many columns', answer(Array.from({ length: 65 }, (_, index) => `c${index}`).join()), /64 columns/],
    ['no names', answer(''), /names of columns/],
    ['a name that is none', answer('a,=b\n'), /names of columns/],
    ['one name twice', answer('a,a\n'), /one name/],
    ['a row that is short', answer('a,b\n1,2\n3\n'), /row 2 has another number/],
  ])('is refused where it is %s, in words that repeat none of it', (_what, bytes, why) => {
    const told = tuplesOf(bytes);
    expect(told).toMatch(why);
    expect(told).not.toMatch(/secret/);
  });
});

it('metrics are OpenMetrics: types, units, counters with _total, one series for each tuple, an end', () => {
  const metrics = [
    column('slice'),
    column('cpu_seconds', { type: 'number', unit: 'seconds', metric: 'counter' }),
    column('up_bps', { type: 'number', unit: 'bit/s', metric: 'gauge', description: 'to "the\\ world"' }),
    column('up', { type: 'boolean', metric: 'gauge' }),
  ];
  const tuples = { columns: metrics, rows: [['a_b', 1.5, null, true] as Row, ['a_c', 2, 8, false] as Row] };
  expect(toOpenMetrics([{ tuples, prefix: 'sliver', label: 'slice' }])).toBe(
    `# TYPE sliver_cpu_seconds counter
# UNIT sliver_cpu_seconds seconds
# HELP sliver_cpu_seconds the cpu_seconds
sliver_cpu_seconds_total{slice="a_b"} 1.5
sliver_cpu_seconds_total{slice="a_c"} 2
# TYPE sliver_up_bps gauge
# HELP sliver_up_bps to \\"the\\\\ world\\"
sliver_up_bps{slice="a_c"} 8
# TYPE sliver_up gauge
# HELP sliver_up the up
sliver_up{slice="a_b"} 1
sliver_up{slice="a_c"} 0
# EOF
`,
  );
});

it('no column of the node has a name that a question has for itself', () => {
  const { columns } = wholeNode({ facts: () => ({}) as never }, {});
  expect(columns.map(({ name }) => name)).not.toContain('format');
});

it('the owner says which slices read a sensor, by names that there are', () => {
  expect(parseConfig('sensors: { slivers: [], ports: [ucb_*, mit_x] }', 'f').sensors).toEqual({
    slivers: [],
    ports: ['ucb_*', 'mit_x'],
  });
  expect(() => parseConfig('sensors: { sliver: [] }', 'f')).toThrow(/sensors/);
  expect(() => parseConfig('sensors: { ports: [Ucb] }', 'f')).toThrow(/ports/);
});

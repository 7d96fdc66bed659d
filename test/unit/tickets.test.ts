import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { CompactSign } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Amounts } from '../../daemon/resources/amounts.ts';
import {
  delegate,
  type Gift,
  issue,
  publicKeyOf,
  type Ticket,
  thumbprint,
  verify,
} from '../../daemon/resources/tickets/ticket.ts';

const pair = () => generateKeyPairSync('ed25519').privateKey;
const [node, other, broker, user, friend] = [pair(), pair(), pair(), pair(), pair()];
const HOUR = 3600;
const [NBF, EXP] = [1_800_000_000, 1_800_000_000 + 8 * HOUR];
const NOW = (NBF + HOUR) * 1000;
const RSPEC: Amounts = { 'cpu.max': 2, 'memory.max': 2 ** 30 };
const gift = (to: KeyObject | undefined, more: Partial<Gift> = {}): Gift => ({
  rspec: RSPEC,
  nbf: NBF,
  exp: EXP,
  ...(to ? { to: publicKeyOf(to) } : {}),
  ...more,
});
const root = (more: Partial<Gift> = {}) => issue(node, gift(broker, more)).then(({ ticket }) => ticket);
const nodeKey = async (of: KeyObject) => {
  const half = publicKeyOf(of);
  return { public: half, thumbprint: await thumbprint(half) };
};
const check = async (text: string, now = NOW, by = node): Promise<Ticket> =>
  verify(text, await nodeKey(by), now);
const refused = async (text: string, now?: number, by?: KeyObject) => {
  try {
    await check(text, now, by);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    expect(message.length).toBeGreaterThan(20);
    return code;
  }
  throw new Error('it was taken');
};
/** A link made without any check. */
const forge = async (
  key: KeyObject,
  claims: object,
  header: object = { alg: 'EdDSA', typ: 'sliverd-ticket' },
) =>
  new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader(header as { alg: string })
    .sign(key);
const claims = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());

describe('a ticket', () => {
  it('is what the node promised, to whom, for when', async () => {
    const ticket = await check(await root());
    expect(ticket).toMatchObject({ rspec: RSPEC, from: NBF * 1000, until: EXP * 1000, slice: undefined });
    expect(ticket.holder).toEqual(publicKeyOf(broker));
    expect(ticket.ids).toHaveLength(1);
  });

  it('is given on without a node, in part, and at last to a sliver', async () => {
    const half = await delegate(
      await root(),
      broker,
      gift(user, { rspec: { 'cpu.max': 1 }, exp: EXP - HOUR, slice: 'ucb_*' }),
    );
    const mine = await delegate(
      half,
      user,
      gift(undefined, { rspec: { 'cpu.max': 1 }, exp: EXP - HOUR, slice: 'ucb_p2ps' }),
    );
    const ticket = await check(mine);
    expect(ticket).toMatchObject({ rspec: { 'cpu.max': 1 }, holder: undefined, slice: 'ucb_p2ps' });
    expect(new Set(ticket.ids).size).toBe(3);
    expect(await check(`\n ${mine}\n`)).toEqual(ticket);
  });

  it('two parts of one have the same first link and ids of their own', async () => {
    const whole = await root();
    const [one, two] = [
      await delegate(whole, broker, gift(user)),
      await delegate(whole, broker, gift(friend)),
    ];
    const [a, b] = [await check(one), await check(two)];
    expect(a.ids[0]).toBe(b.ids[0]);
    expect(a.ids[1]).not.toBe(b.ids[1]);
  });
});

describe('refused is', () => {
  it("another node's", async () => {
    expect(await refused(await root(), NOW, other)).toBe('ticket-wrong-node');
  });

  it('one that is over, to the second, or not begun', async () => {
    const text = await root();
    expect(await refused(text, EXP * 1000)).toBe('ticket-expired');
    await check(text, EXP * 1000 - 1);
    expect(await refused(text, NBF * 1000 - 1)).toBe('ticket-not-yet');
    await check(text, NBF * 1000);
  });

  it('one whose node says it is this one, and is another', async () => {
    const claimed = {
      ...claims((await issue(other, gift(broker))).ticket),
      node: await thumbprint(publicKeyOf(node)),
    };
    expect(await refused(await forge(other, claimed))).toBe('ticket-forged');
  });

  it('a link by somebody who was given nothing', async () => {
    const text = await root();
    await expect(delegate(text, user, gift(friend))).rejects.toMatchObject({ code: 'bad-ticket' });
    const stolen = claims((await delegate(text, broker, gift(friend))).split('~')[1] ?? '');
    expect(await refused(`${text}~${await forge(user, stolen)}`)).toBe('ticket-forged');
  });

  it('a link of one ticket behind another of the same holder', async () => {
    const small = await root({ rspec: { 'cpu.max': 2 } });
    const [, link] = (await delegate(small, broker, gift(user, { rspec: { 'cpu.max': 2 } }))).split('~');
    expect(await refused(`${await root()}~${link}`)).toBe('ticket-forged');
  });

  it.each<[string, Partial<Gift>]>([
    ['more of a resource', { rspec: { ...RSPEC, 'cpu.max': 2.01 } }],
    ['a resource that it has not', { rspec: { ...RSPEC, 'net.up.min': 1 } }],
    ['an earlier begin', { nbf: NBF - 1 }],
    ['a later end', { exp: EXP + 1 }],
    ['any slice', { slice: undefined as unknown as string }],
    ["another site's", { slice: 'mit_*' }],
    ['a site of a longer name', { slice: 'ucbx_p2ps' }],
  ])('%s, by who makes it and by who is shown it', async (_what, more) => {
    const text = await root({ slice: 'ucb_*' });
    const wide = gift(user, { slice: 'ucb_a', ...more });
    if (wide.slice === undefined) delete (wide as { slice?: string }).slice;
    await expect(delegate(text, broker, wide)).rejects.toMatchObject({ code: 'ticket-widened' });
    const { to, ...rest } = wide;
    const honest = claims((await delegate(text, broker, gift(user, { slice: 'ucb_a' }))).split('~')[1] ?? '');
    const { slice: _slice, ...plain } = honest;
    expect(await refused(`${text}~${await forge(broker, { ...plain, ...rest })}`)).toBe('ticket-widened');
  });

  it('one that names no algorithm, or one by a secret that everybody knows', async () => {
    const payload = (await root()).split('.')[1] ?? '';
    const part = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url');
    const typ = 'sliverd-ticket';
    expect(await refused(`${part({ alg: 'none', typ })}.${payload}.`)).toBe('ticket-algorithm');
    const { createHmac } = await import('node:crypto');
    const head = `${part({ alg: 'HS256', typ })}.${payload}`;
    for (const secret of [publicKeyOf(node).x, Buffer.from(publicKeyOf(node).x, 'base64url')])
      expect(await refused(`${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`)).toBe(
        'ticket-algorithm',
      );
  });

  it('one with a key or anything else in its header', async () => {
    const claimed = claims(await root());
    for (const more of [{ jwk: publicKeyOf(other) }, { kid: 'x' }, { typ: 'JWT' }])
      expect(
        await refused(await forge(other, claimed, { alg: 'EdDSA', typ: 'sliverd-ticket', ...more })),
      ).toBe('bad-ticket');
  });

  it('one that was cut off or changed anywhere', async () => {
    const text = await delegate(await root(), broker, gift(user));
    const known = await check(text);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.constantFrom('A', 'B', '.', '~', '', 'é', ' '),
        async (at, by) => {
          const changed = `${text.slice(0, at)}${by}${text.slice(at + 1)}`;
          if (changed.trim() === text) return;
          const code = await check(changed).then(
            (ticket) => ticket,
            (error) => error.code as string,
          );
          // The last bits of a signature's text are of no byte: the same ticket in other words.
          if (typeof code !== 'string') expect({ ...code, links: [] }).toEqual({ ...known, links: [] });
          else expect(code).toMatch(/^(bad-ticket|ticket-(forged|algorithm|wrong-node))$/);
        },
      ),
      { numRuns: 300 },
    );
    for (const length of [0, 1, 20, text.indexOf('~') + 1, text.length - 1])
      expect(await refused(text.slice(0, length))).toMatch(/^(bad-ticket|ticket-forged)$/);
  });

  it.each<[string, (json: string) => string]>([
    ['spaces between them', (json) => json + ' '.repeat(4096)],
    ['an amount beyond all numbers', (json) => json.replace('"cpu.max":2', '"cpu.max":1e999')],
    ['a member that objects have anyway', (json) => json.replace('"rspec":{', '"rspec":{"__proto__":{},')],
  ])('one whose signed claims have %s', async (_what, change) => {
    const json = JSON.stringify(claims(await root()));
    const changed = change(json);
    expect(changed).not.toBe(json);
    const jws = new CompactSign(Buffer.from(changed)).setProtectedHeader({
      alg: 'EdDSA',
      typ: 'sliverd-ticket',
    });
    expect(await refused(await jws.sign(node))).toBe('bad-ticket');
  });

  it.each([
    ['no text', ''],
    ['a page', '<html>'],
    ['JSON', '{"alg":"EdDSA"}'],
    ['very long', 'a.b.c~'.repeat(20_000)],
    ['many links', new Array(17).fill('e30.e30.e30').join('~')],
  ])('%s', async (_what, text) => {
    expect(await refused(text)).toBe('bad-ticket');
  });

  it.each([
    ['no amount', { rspec: {} }],
    ['less than nothing', { rspec: { 'memory.max': -1 } }],
    ['a fraction of a byte', { rspec: { 'memory.max': 0.5 } }],
    ['a key that adds up to nothing', { rspec: { 'cpuset.cpus': '0' } }],
    ['what no number is', { rspec: { 'cpu.max': 'max' } }],
    ['an end before its begin', { exp: NBF }],
    ['a strange member', { admin: true }],
    ['a slice of no name', { slice: '../etc' }],
    ['another curve', { cnf: { jwk: { kty: 'OKP', crv: 'X25519', x: publicKeyOf(user).x } } }],
    ['a secret key', { cnf: { jwk: { ...publicKeyOf(user), d: publicKeyOf(user).x } } }],
  ])('with %s, though signed by the node', async (_what, more) => {
    expect(await refused(await forge(node, { ...claims(await root()), ...more }))).toBe('bad-ticket');
  });

  it('given on to nobody, or without saying whose sliver it is for', async () => {
    const text = await root();
    for (const slice of [undefined, 'ucb_*'])
      expect(await refused(await delegate(text, broker, gift(undefined, slice ? { slice } : {})))).toBe(
        'bad-ticket',
      );
    const mine = await delegate(text, broker, gift(undefined, { slice: 'ucb_a' }));
    await expect(delegate(mine, broker, gift(user))).rejects.toMatchObject({ code: 'bad-ticket' });
    const behind = claims((await delegate(text, broker, gift(user))).split('~')[1] ?? '');
    expect(await refused(`${mine}~${await forge(broker, behind)}`)).toBe('bad-ticket');
  });
});

it('chains only narrow, however they are split', async () => {
  const keys = Array.from({ length: 5 }, pair);
  const narrower = fc.record({
    share: fc.double({ min: 0.05, max: 1, noNaN: true }),
    later: fc.nat(1000),
    earlier: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(narrower, { minLength: 1, maxLength: 5 }), async (steps) => {
      let text = (await issue(node, gift(keys[0]))).ticket;
      let [cpu, nbf, exp] = [2, NBF, EXP];
      for (const [at, { share, later, earlier }] of steps.entries()) {
        [cpu, nbf, exp] = [Math.max(0.01, cpu * share), nbf + later, exp - earlier];
        const more = { rspec: { 'cpu.max': cpu }, nbf, exp };
        text = await delegate(text, keys[at]!, gift(keys[at + 1] ?? user, more));
      }
      const ticket = await check(text, nbf * 1000);
      expect(ticket).toMatchObject({ rspec: { 'cpu.max': cpu }, from: nbf * 1000, until: exp * 1000 });
    }),
    { numRuns: 50 },
  );
});

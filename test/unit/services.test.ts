import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Holding, peak } from '../../daemon/resources/amounts.ts';
import { issue, publicKeyOf, thumbprint, verify } from '../../daemon/resources/tickets/ticket.ts';
import { Account } from '../../scripts/services/broker/account.ts';
import { delegated, verified } from '../../scripts/services/broker/tickets.ts';
import { answers, failed, framed, framesOf, queryOf } from '../../scripts/services/dns/messages.ts';
import { claimed, opened, signed } from '../../scripts/services/shared/jws.ts';

// The reference services have code of their own where the daemon has a library: in a sliver there is only Node.
const key = () => generateKeyPairSync('ed25519').privateKey;
const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));

describe('signed JSON', () => {
  const signer = key();
  const jws = signed({ serial: 1 }, 'a-type', signer);

  it('is opened by its key, as what it was signed as', () => {
    expect(opened(jws, 'a-type', signer)).toEqual({ serial: 1 });
    expect(() => opened(jws, 'another-type', signer)).toThrow(/header/);
    expect(() => opened(jws, 'a-type', key())).toThrow(/signature/);
  });

  it.each([
    { alg: 'none', typ: 'a-type' },
    { alg: 'HS256', typ: 'a-type' },
    { alg: 'EdDSA', typ: 'a-type', jwk: publicKeyOf(signer) },
  ])('has no other header: %j', (header) => {
    const [, payload, signature] = jws.split('.');
    const other = Buffer.from(JSON.stringify(header)).toString('base64url');
    expect(() => claimed([other, payload, signature].join('.'), 'a-type')).toThrow(/header/);
  });

  it('is not opened with any other character in it', () => {
    for (let at = 0; at < jws.length - 1; at++) {
      const changed = `${jws.slice(0, at)}${jws[at] === 'A' ? 'B' : 'A'}${jws.slice(at + 1)}`;
      expect(() => opened(changed, 'a-type', signer), `at ${at}`).toThrow();
    }
  });
});

describe("a broker's tickets", () => {
  const [node, broker, user] = [key(), key(), key()];
  const [nbf, exp] = [1_000_000, 2_000_000];
  const gift = { rspec: { 'memory.max': 1000, 'cpu.max': 2 }, nbf, exp, slice: 'ucb_*' };
  const whole = () => issue(node, { ...gift, to: publicKeyOf(broker) });

  it('are believed by the node, and each believes what the other does', async () => {
    const { ticket } = await whole();
    const mine = verified(ticket, publicKeyOf(node));
    const part = { rspec: { 'memory.max': 10 }, nbf: nbf + 1, exp: exp - 1, slice: 'ucb_p2ps' };
    const given = delegated(mine, broker, part, publicKeyOf(user));
    const nodeKey = { public: publicKeyOf(node), thumbprint: await thumbprint(publicKeyOf(node)) };
    const believed = await verify(given, nodeKey, 1_500_000_000);
    expect(believed).toMatchObject({ rspec: part.rspec, holder: publicKeyOf(user), slice: 'ucb_p2ps' });
    expect(verified(given, publicKeyOf(node)).claims).toMatchObject(part);
  });

  it.each([
    ['more', { rspec: { 'memory.max': 1001 } }],
    ['something else', { rspec: { 'pids.max': 1 } }],
    ['earlier', { nbf: nbf - 1 }],
    ['longer', { exp: exp + 1 }],
    ['for all', { slice: undefined }],
    ['for another', { slice: 'mit_x' }],
  ])('are none that give %s', async (_what, wider) => {
    const mine = verified((await whole()).ticket, publicKeyOf(node));
    const { slice, ...rest } = { ...gift, ...wider };
    const given = delegated(
      mine,
      broker,
      { ...rest, ...(slice ? { slice } : {}) } as never,
      publicKeyOf(user),
    );
    expect(() => verified(given, publicKeyOf(node))).toThrow(/more than it was given/);
  });

  it('are none by another key, of another node, or of another ticket', async () => {
    const [mine, other] = [(await whole()).ticket, (await whole()).ticket];
    const to = publicKeyOf(user);
    const of = verified(mine, publicKeyOf(node));
    expect(() => verified(mine, publicKeyOf(user))).toThrow(/signature/);
    expect(() => verified(delegated(of, user, gift, to), publicKeyOf(node))).toThrow(/signature/);
    const last = delegated(of, broker, gift, to).split('~').at(-1);
    expect(() => verified(`${other}~${last}`, publicKeyOf(node))).toThrow(/another ticket/);
  });
});

it("a broker's account counts as the node does", () => {
  const time = fc.integer({ min: 0, max: 20 });
  const holding = fc
    .record({ from: time, lasts: fc.integer({ min: 1, max: 9 }), amount: fc.integer({ min: 1, max: 5 }) })
    .map(
      ({ from, lasts, amount }) => ({ from, until: from + lasts, rspec: { 'pids.max': amount } }) as Holding,
    );
  fc.assert(
    fc.property(
      fc.array(holding, { maxLength: 12 }),
      time,
      fc.integer({ min: 1, max: 9 }),
      (all, from, lasts) => {
        const account = new Account(':memory:');
        // Far ahead, so that nothing is over.
        const far = 10_000_000_000;
        for (const [at, { rspec, from: nbf, until }] of all.entries()) {
          const gift = { nbf: far + nbf, exp: far + until, rspec };
          account.add({ ask: `${at}`, of: 'one', to: 'who', gift, ticket: '' });
        }
        const window = { nbf: far + from, exp: far + from + lasts, rspec: {} };
        expect(account.most('one', 'pids.max', window)).toBe(peak(all, 'pids.max', from, from + lasts));
        expect(account.most('another', 'pids.max', window)).toBe(0);
        expect(account.most('one', 'pids.max', window, 'nobody')).toBe(0);
      },
    ),
    { numRuns: 50 },
  );
});

describe('messages of DNS', () => {
  const query = (...labels: string[]) =>
    Buffer.concat([
      Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')])),
      Buffer.from([0, 0, 1, 0, 1]),
    ]);

  it('are read whatever they have in them', () => {
    const damaged = fc.tuple(
      fc.array(fc.string({ minLength: 1, maxLength: 63 }), { maxLength: 4 }),
      fc.nat(),
      fc.nat(255),
    );
    fc.assert(
      fc.property(fc.oneof(bytes, damaged), (given) => {
        let message = given as Buffer;
        if (!Buffer.isBuffer(given)) {
          const [labels, at, byte] = given;
          message = query(...labels);
          message[at % message.length] = byte;
        }
        const read = queryOf(message);
        if (!read) return;
        expect(message.includes(read.question)).toBe(true);
        const answer = failed(message, read, 2);
        expect(answers(answer, read)).toBe(true);
        expect(answer.length).toBeLessThanOrEqual(message.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('tell a dot within a label from one between two', () => {
    expect(queryOf(query('A', 'Example'))?.labels).toEqual(['a', 'example']);
    expect(queryOf(query('a.example'))?.labels).toEqual(['a\\.example']);
  });

  it('come by TCP in pieces, and none that is too long or no message', async () => {
    const stream = Buffer.concat([
      framed(query('a')),
      framed(query('b')),
      framed(Buffer.alloc(3)),
      framed(query('c')),
    ]);
    async function* pieces() {
      for (const byte of stream) yield Buffer.from([byte]);
    }
    const read: Buffer[] = [];
    for await (const message of framesOf(pieces())) read.push(Buffer.from(message));
    expect(read).toEqual([query('a'), query('b')]);
    for await (const _ of framesOf(pieces(), 12)) expect.fail('it is longer than that');
  });
});

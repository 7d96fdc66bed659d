import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, TestNode } from './harness.ts';

const MAIN = new URL('../../daemon/cli/main.ts', import.meta.url).pathname;
const home = scratch('tickets');
let node: TestNode;

/** The command line as anybody has it; without a node where none is named. */
const ctl = (...words: string[]) => spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });
const ctlNode = (...words: string[]) => ctl('--socket', `${node.run}/admin.sock`, ...words);
const made = (...words: string[]) => {
  const { status, stdout, stderr } = ctl(...words);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
};
const file = (name: string, content: string) => {
  writeFileSync(`${home}/${name}`, content);
  return `${home}/${name}`;
};

beforeAll(async () => {
  node = await TestNode.start();
  for (const name of ['broker', 'user']) made('ticket', 'key', `${home}/${name}`);
});
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe('sliverctl ticket', () => {
  let whole: string;

  it('makes a key that nobody else may read, and replaces none', () => {
    expect(statSync(`${home}/broker`).mode & 0o777).toBe(0o600);
    expect(ctl('ticket', 'key', `${home}/broker`)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/is there already/),
    });
  });

  it('issues, gives on in part without a node, and verifies', async () => {
    const issued = ctlNode(
      'ticket',
      'issue',
      '--to',
      `${home}/broker.pub`,
      '--until',
      '8w',
      'cpu.max=2',
      'memory.max=1G',
    );
    expect(issued).toMatchObject({ status: 0, stderr: '' });
    whole = file('whole', issued.stdout);
    const half = file(
      'half',
      made(
        'ticket',
        'delegate',
        whole,
        '--key',
        `${home}/broker`,
        '--to',
        `${home}/user.pub`,
        '--slice',
        'ucb_*',
        'cpu.max=1',
      ),
    );
    const mine = file(
      'mine',
      made('ticket', 'delegate', half, '--key', `${home}/user`, '--slice', 'ucb_p2ps'),
    );
    const good = ctlNode('--json', 'ticket', 'verify', mine);
    expect(JSON.parse(good.stdout)).toMatchObject({ rspec: { 'cpu.max': 1 }, slice: 'ucb_p2ps' });
    const answer = await node.ok('POST', '/v1/tickets/verify', { ticket: readFileSync(mine, 'utf8') });
    expect(answer).toMatchObject({ rspec: { 'cpu.max': 1 }, slice: 'ucb_p2ps', holder: null });
    expect(answer.ids).toHaveLength(3);
    expect(made('ticket', 'show', mine)).toMatch(
      /Link +1 of 3.*\n(.*\n)+.*memory.max = 1G(.*\n)+Link +3 of 3/,
    );
    const { items } = await node.ok('GET', '/v1/events?limit=1000');
    expect(items).toContainEqual(
      expect.objectContaining({
        type: 'ticket.issued',
        subject: answer.ids[0],
        data: expect.objectContaining({ rspec: { 'cpu.max': 2, 'memory.max': 2 ** 30 } }),
      }),
    );
  });

  it("verifies by the node's public key where there is no node", async () => {
    const { key } = await node.ok('GET', '/v1/node');
    const { createPublicKey } = await import('node:crypto');
    const pem = createPublicKey({ key: key.public, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    expect(made('ticket', 'verify', whole, '--node-key', file('node.pub', String(pem)))).toMatch(
      /^Good +ticket /,
    );
    expect(ctl('ticket', 'verify', whole, '--node-key', `${home}/user.pub`)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/another node's/),
    });
  });

  it.each([
    ['more than it has', ['--key', 'broker', '--to', 'user.pub', 'cpu.max=3'], 1, /cpu.max = 3, of 2/],
    ['a key that it was not given to', ['--key', 'user', '--to', 'broker.pub'], 1, /given to another/],
    ['a private key to give it to', ['--key', 'broker', '--to', 'user'], 2, /it stays with you/],
    ['no slice and nobody', ['--key', 'broker'], 1, /doesn't say whose/],
    ['no key', ['--key', 'broker.pub', '--to', 'user.pub'], 2, /no private key of Ed25519/],
    ['no end', ['--key', 'broker', '--to', 'user.pub', '--until', 'never'], 2, /'never' is none/],
  ])('refuses to give on with %s, in one line', (_what, words, status, said) => {
    const paths = words.map((word) => (existsSync(`${home}/${word}`) ? `${home}/${word}` : word));
    const ran = ctl('ticket', 'delegate', whole, ...paths);
    expect(ran).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(said) });
    expect(ran.stderr).not.toMatch(/\n {2,}at /);
  });

  it.each([
    ['nobody', ['--until', '8w', 'cpu.max=1'], /--to FILE/],
    ['no end', ['--to', 'broker.pub', 'cpu.max=1'], /--until 8w/],
    ['nothing', ['--to', 'broker.pub', '--until', '8w'], /rspec/],
    ['a key that is none', ['--to', 'broker.pub', '--until', '8w', 'cpu.magic=1'], /cpu.magic/],
  ])('issues none to or of %s', (_what, words, said) => {
    const paths = words.map((word) => (existsSync(`${home}/${word}`) ? `${home}/${word}` : word));
    const ran = ctlNode('ticket', 'issue', ...paths);
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toMatch(said);
  });
});

describe("the node's key", () => {
  it('is for root alone, and the same after a crash', async () => {
    const before = await node.ok('GET', '/v1/node');
    expect(statSync(`${node.state}/identity.pem`).mode & 0o777).toBe(0o600);
    await node.kill();
    await node.launch();
    expect((await node.ok('GET', '/v1/node')).key).toEqual(before.key);
  });

  it('stops the start when it is broken, and is left as it is', async () => {
    const path = `${node.state}/identity.pem`;
    const good = readFileSync(path);
    await node.kill();
    writeFileSync(path, good.subarray(0, 40));
    await expect(node.launch()).rejects.toThrow(/identity\.pem is not the node's key: bring it back/);
    expect(readFileSync(path)).toEqual(good.subarray(0, 40));
    writeFileSync(path, good);
    await node.launch();
  });
});

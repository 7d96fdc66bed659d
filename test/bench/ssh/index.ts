import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestNode } from '../../node/harness.ts';
import { networkImageTar } from '../../node/image.ts';
import { makeKey, sshOptions } from '../../node/ssh.ts';
import { Outside } from '../network/outside.ts';
import { type Summary, summarise } from '../statistics.ts';
import { BIG, type Door, MEASURES, type Measure, WAYS } from './measure.ts';
import { PLAIN_ACCOUNT, PLAIN_PORT, plainSshd } from './plain.ts';

export type SshReport = Record<string, Partial<Record<Measure, Summary>>>;

const [PORT, SLICE] = [2222, 'bench_ssh'];
/** A hundred logins at once take seconds. */
const MOST_STORMS = 5;
const LOGINS = 5;

/** Logging in to a sliver beside Debian's sshd with a plain account, on one machine, by one cable from outside, in turn. */
export async function sshBench(rounds: number, say: (text: string) => void): Promise<SshReport> {
  let address = '';
  const connect = (pid: number) => {
    address = new Outside(process.pid).connect(pid);
  };
  const node = await TestNode.start(`access:\n  port: ${PORT}\n`, {}, connect);
  let plain: Awaited<ReturnType<typeof plainSshd>> | undefined;
  try {
    const key = `${node.folder}/key`;
    makeKey(key);
    const publicKey = readFileSync(`${key}.pub`, 'utf8').trim();
    await node.ok('POST', '/v1/images', { name: 'network', source: { path: await networkImageTar() } });
    await node.ok('POST', '/v1/slivers', { name: SLICE, image: 'network', keys: [publicKey] });
    plain = await plainSshd(node, publicKey);
    const doors: Door[] = [
      { name: 'sliver', options: sshOptions(key, PORT), at: `${SLICE}@${address}`, file: '/root/noise' },
      {
        name: 'sshd',
        options: sshOptions(key, PLAIN_PORT),
        at: `${PLAIN_ACCOUNT}@${address}`,
        file: `${plain.home}/noise`,
      },
    ];
    for (const { options, at, file } of doors) {
      await answers(options, at);
      execFileSync('ssh', [...options, at, `head -c ${BIG} /dev/urandom > ${file}`]);
    }
    return await measureDoors(doors, `${node.folder}/copy`, rounds, say);
  } finally {
    plain?.stop();
    await node.stop();
  }
}

async function measureDoors(
  doors: readonly Door[],
  into: string,
  rounds: number,
  say: (text: string) => void,
): Promise<SshReport> {
  const samples = new Map(
    doors.map(({ name }) => [name, new Map(MEASURES.map((one) => [one, [] as number[]]))]),
  );
  for (let round = 0; round <= rounds; round++) {
    say(`ssh: round ${round} of ${rounds}`);
    for (const measure of MEASURES) {
      if (measure === 'storm' && round > MOST_STORMS) continue;
      for (let again = 0; again < (measure === 'login' ? LOGINS : 1); again++)
        for (const door of (round + again) % 2 ? doors.toReversed() : doors) {
          const value = await WAYS[measure](door, into);
          if (round > 0) samples.get(door.name)?.get(measure)?.push(value);
        }
    }
  }
  return Object.fromEntries(
    [...samples].map(([name, measures]) => [
      name,
      Object.fromEntries([...measures].map(([measure, values]) => [measure, summarise(values)])),
    ]),
  );
}

async function answers(options: readonly string[], at: string): Promise<void> {
  for (let wait = 0; ; wait++) {
    try {
      execFileSync('ssh', [...options, at, 'true'], { stdio: ['ignore', 'ignore', 'pipe'] });
      return;
    } catch (error) {
      if (wait === 50) throw error;
      await sleep(200);
    }
  }
}

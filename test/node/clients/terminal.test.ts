import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness.ts';
import { House, ONE } from './house.ts';

let house: House;
beforeAll(async () => {
  house = await House.open();
}, 600_000);
afterAll(async () => {
  if (house) tmux('kill-server');
  await house?.close();
});

/** A person at a terminal: tmux is theirs, on the host outside. */
const tmux = (...words: string[]) =>
  house.outside('', 'tmux', '-S', `${house.folder}/tmux`, '-f', '/dev/null', ...words).stdout;
const screen = () => tmux('capture-pane', '-p', '-t', 'it');
const type = (...keys: string[]) => tmux('send-keys', '-t', 'it', ...keys);
const shows = (what: RegExp) =>
  until(() => what.test(screen()), String(what)).catch((error) => expect.fail(`${error}:\n${screen()}`));

async function login(...options: string[]) {
  tmux('kill-session', '-t', 'it');
  tmux('new-session', '-d', '-s', 'it', '-x', '90', '-y', '24');
  type(`ssh ${['-F', house.config, ...options, house.at()].join(' ')}; echo "left $?"`, 'Enter');
  await shows(/#$/m);
  type('PS1="ready> "; clear', 'Enter');
  await shows(/^ready>/);
}

describe('a person at a terminal', () => {
  it('stops, puts aside and continues programs', async () => {
    await login();
    type('sleep 1000', 'Enter');
    await until(() => house.ssh(ONE, 'pgrep -x sleep').status === 0, 'sleep to start');
    type('C-c');
    type('echo "<$?>"', 'Enter');
    await shows(/^<130>/m);
    type('clear; sed -u s/o/0/', 'Enter');
    type('one', 'Enter');
    await shows(/^one\n0ne$/m);
    type('C-z');
    await shows(/Stopped +sed/);
    type('jobs; echo "jobs: $(jobs | wc -l)"', 'Enter');
    await shows(/^jobs: 1/m);
    type('fg', 'Enter', 'two', 'C-j'); // it may be typed ahead, into the shell's own mode, where Enter is another character
    await shows(/^tw0$/m);
    type('C-d');
    type('sleep 0.2 & wait; echo "waited $?"', 'Enter');
    await shows(/^waited 0/m);
    type('exit 7', 'Enter');
    await shows(/left 7/);
  });

  it('edits with vim, and reads with less, on a window that changes', async () => {
    await login();
    type('vim.tiny /root/text', 'Enter');
    await shows(/text" \[New\]/);
    type('i', 'first line', 'Enter', 'second line', 'Escape', ':wq', 'Enter');
    await shows(/ready>/);
    expect(house.ssh(ONE, 'cat /root/text').stdout).toBe('first line\nsecond line\n');
    type('seq 1000 > many; less many', 'Enter');
    await shows(/^23$/m);
    tmux('resize-window', '-t', 'it', '-x', '60', '-y', '40');
    await shows(/^39$/m);
    type('G');
    await shows(/^1000\n\(END\)/m);
    type('q');
    type('clear; stty size', 'Enter');
    await shows(/^40 60$/m);
    type('exit', 'Enter');
    await shows(/left 0/);
  });

  it('hangs up: what the terminal ran ends, what was put aside of it goes on', async () => {
    await login();
    type('sleep 2001 & nohup sleep 2002 > /dev/null 2>&1 & setsid sleep 2003 & sleep 2004', 'Enter');
    const runs = (seconds: number) => house.ssh(ONE, `pgrep -fx 'sleep ${seconds}'`).status === 0;
    await until(() => [2001, 2002, 2003, 2004].every(runs), 'all to start');
    tmux('kill-session', '-t', 'it');
    await until(() => !runs(2004), 'the foreground to end');
    await until(() => !runs(2001), 'the background to end');
    expect([runs(2002), runs(2003)]).toEqual([true, true]);
    house.ssh(ONE, 'pkill -x sleep');
  });

  it('sees all of what ends at once', () => {
    for (let i = 0; i < 12; i++)
      expect(house.sshWith(['-tt'], ONE, `echo ${i}; stty -a > /dev/null; echo done`).stdout).toBe(
        `${i}\r\ndone\r\n`,
      );
  });
});

describe('who is root in there', () => {
  it('installs programs with apt', () => {
    const said = house.ssh(
      ONE,
      `set -e; mkdir -p /root/repo/p/DEBIAN /root/repo/p/usr/bin; cd /root/repo
printf '#!/bin/sh\\necho I am hello\\n' > p/usr/bin/hello; chmod 755 p/usr/bin/hello
printf 'Package: hello-sliver\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: hello\\n' > p/DEBIAN/control
dpkg-deb --build p hello.deb > /dev/null
{ cat p/DEBIAN/control; echo "Filename: ./hello.deb"; stat -c 'Size: %s' hello.deb; echo "SHA256: $(sha256sum hello.deb | cut -d' ' -f1)"; } > Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] file:/root/repo ./' > /etc/apt/sources.list
chmod 755 /root; apt-get update -qq; apt-get install -y -qq hello-sliver > /dev/null; hello; dpkg -s hello-sliver | grep Status`,
    );
    expect(said.stdout, said.stderr).toBe('I am hello\nStatus: install ok installed\n');
    expect(said.status).toBe(0);
  });

  it('creates accounts, and is one of them for a while', async () => {
    await login();
    type('clear; adduser --quiet --disabled-password --gecos "" alice; su - alice', 'Enter');
    await shows(/alice@.*\$$/m);
    type('id -un; pwd; kill -0 1; exit', 'Enter');
    await shows(/^alice\n\/home\/alice\n.*not permitted/m);
    type('clear; id -un; sudo -u alice id -un', 'Enter');
    await shows(/^root\nalice$/m);
    type('exit', 'Enter');
    await shows(/left 0/);
  });

  it('leaves jobs to at, batch and cron, which go on when the session is over', async () => {
    // Each begins within the session and ends after it. (batch waits for a quiet machine otherwise.)
    const job = (name: string) =>
      `touch /root/${name}-began; until [ -e /root/over ]; do sleep 0.1; done; id -un > /root/${name}-ended`;
    await login();
    house.ssh(ONE, `echo '@reboot ${job('cron')}' | crontab -`);
    type('clear; atd -l 1000 -b 1; cron; echo "daemons $?"', 'Enter');
    await shows(/^daemons 0/m);
    type(`echo '${job('at')}' | at now; echo '${job('batch')}' | batch`, 'Enter');
    const names = ['at', 'batch', 'cron'];
    const all = (what: string) =>
      house.ssh(ONE, `cd /root; cat ${names.map((name) => `${name}-${what}`).join(' ')}`);
    await until(() => all('began').status === 0, 'the jobs to begin').catch((error) =>
      expect.fail(`${error}:\n${screen()}\n${house.ssh(ONE, 'atq; crontab -l; ps ax').stdout}`),
    );
    type('exit', 'Enter');
    await shows(/left 0/);
    await until(async () => (await house.ok('GET', '/v1/sessions')).items.length === 0, 'the session to end');
    await house.ok('POST', `/v1/slivers/${ONE}/exec`, { argv: ['touch', '/root/over'] });
    await until(() => all('ended').status === 0, 'the jobs to end');
    expect(all('ended').stdout).toBe('root\n'.repeat(3));
  });

  it('runs tcpdump, where its profile has raw sockets', async () => {
    const keys = [readFileSync(`${house.key}.pub`, 'utf8').trim()];
    const raw = { name: 'cl_raw', image: 'network', profile: 'measurement', keys };
    await house.ok('POST', '/v1/slivers', raw);
    await until(() => house.ssh('cl_raw', 'true').status === 0, 'the door to know of it');
    const said = house.ssh(
      'cl_raw',
      'timeout 20 tcpdump -c 2 -nn -i lo icmp 2> /root/told & until grep -q . /root/told 2> /dev/null; do sleep 0.05; done; ping -qc 2 -i 0.2 127.0.0.1 > /dev/null; wait $!',
    );
    expect(said.stdout, house.ssh('cl_raw', 'cat /root/told').stdout).toMatch(
      /127.0.0.1 > 127.0.0.1: ICMP echo request/,
    );
  });
});

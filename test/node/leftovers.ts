import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loops } from './harness.ts';

/** What tests could leave on the machine. Taken before the node tier and compared after it. */
function inventory(): Set<string> {
  const found = new Set<string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n')) {
    const fields = line.split(' ');
    if (fields[4] !== '/run/netns') found.add(`mount ${fields[4]}`); // ip-netns(8) makes it once for all time
  }
  for (const file of loops()) found.add(`loop device on ${file}`);
  for (const folder of [
    '/run/netns',
    '/var/tmp',
    '/run/sliverd/nodes',
    '/sys/fs/cgroup/unified',
    '/sys/fs/cgroup',
  ]) {
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory() || folder === '/run/netns') found.add(`${folder}/${entry.name}`);
    } catch {
      // not on this machine
    }
  }
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (/sliverd-test|daemon\/main\.ts|catatonit|crun|dockerd|containerd/.test(command))
        found.add(`process ${pid} ${command.slice(0, 100)}`);
    } catch {
      // ended meanwhile
    }
  }
  return found;
}

/** Tests leave the machine as they found it: this is the one that checks. */
export default function setup(): () => Promise<void> {
  const before = inventory();
  return async () => {
    let left: string[] = [];
    // The kernel takes namespaces and loop devices down in the background.
    for (let attempt = 0; attempt < 50; attempt++) {
      left = [...inventory()].filter((what) => !before.has(what));
      if (left.length === 0) return;
      await sleep(100);
    }
    throw new Error(`the node tests left behind:\n${left.join('\n')}`);
  };
}

import { describe, expect, it } from 'vitest';
import { stepsOn } from './steps.ts';
import { KERNELS } from './vm.ts';

// What slivers stand on, with each of Debian's kernels: the test VM has it, and the kernel does what we count on.
const STEPS = {
  release: 'uname -r',
  controllers: 'cat /sys/fs/cgroup/cgroup.controllers; cat /sys/fs/cgroup/cgroup.subtree_control',
  pressure: `
    for resource in cpu memory io; do grep some /proc/pressure/$resource; done
    mkdir /sys/fs/cgroup/pressed
    grep some /sys/fs/cgroup/pressed/memory.pressure
    exec 3<> /sys/fs/cgroup/pressed/cpu.pressure
    echo 'some 100000 1000000' >&3
    echo armed`,
  overlay: 'node test/vm/guest/idmapped-overlay.ts',
  quota: `node test/vm/guest/project-quota.ts $(awk '$2 == "/data" { print $1 }' /proc/mounts)`,
  crun: `
    cp -r test/vm/guest/memory-hog /run/ && cd /run/memory-hog
    mkdir -p rootfs/bin rootfs/proc rootfs/dev && cp /usr/bin/busybox rootfs/bin/
    for command in sh cat tail; do ln -s busybox rootfs/bin/$command; done
    mkdir -p /sys/fs/cgroup/slivers /sys/fs/cgroup/other
    echo '+memory +pids +cpu' > /sys/fs/cgroup/slivers/cgroup.subtree_control
    status=0; crun --cgroup-manager=cgroupfs run hog || status=$?
    echo "status $status"
    echo "own $(grep '^oom_kill ' /sys/fs/cgroup/slivers/memory.events)"
    echo "other $(grep '^oom_kill ' /sys/fs/cgroup/other/memory.events)"`,
};

describe.each(KERNELS)('Debian kernel %s', (kernel) => {
  const output = stepsOn(kernel, STEPS);

  it('is the one asked for', () => {
    expect(output('release').startsWith(`${kernel}.`)).toBe(true);
  });

  it('gives cgroup v2 every controller that limits need', () => {
    for (const line of output('controllers').trim().split('\n'))
      expect(line.split(' ')).toEqual(expect.arrayContaining(['cpuset', 'cpu', 'io', 'memory', 'pids']));
  });

  it('tells pressure, of the machine and of a cgroup, and takes a trigger', () => {
    expect(output('pressure')).toMatch(/^(some avg10=\S+ .*\n){4}armed\n$/);
  });

  it('lays an overlay over an idmapped lower layer', () => {
    expect(JSON.parse(output('overlay'))).toEqual({
      image: 0,
      shown: 100_000,
      copiedUp: 100_000,
      new: 100_000,
      imageSize: 'of the image'.length,
    });
  });

  it('bounds a project in bytes and inodes, and nothing beside it', () => {
    const { bytes, inodes, usage } = JSON.parse(output('quota'));
    expect([bytes.free, inodes.free]).toEqual(['ok', 'ok']);
    expect([bytes.bounded, inodes.bounded]).toEqual(['EDQUOT', 'EDQUOT']);
    expect(usage.bytes).toBeLessThanOrEqual(4 << 20);
    expect(usage.inodes).toBe(20);
  });

  it('runs crun in a user namespace and kills a memory hog at memory.max, counted where it happened', () => {
    const text = output('crun');
    expect(text).toMatch(/^ +0 +100000 +65536\nstarted\n/);
    expect(text).not.toContain('survived');
    expect(text).toContain('status 137\n');
    expect(text).toMatch(/^own oom_kill [1-9]/m);
    expect(text).toContain('other oom_kill 0\n');
  });
});

import { describe, expect, it } from 'vitest';
import { stepsOn } from './steps.ts';
import { KERNELS } from './vm.ts';

// A machine that has everything: each probe finds what it looks for, and leaves nothing.
const STEPS = {
  whole: `
    modprobe -a tun fuse loop overlay
    device=$(lsblk -nro MAJ:MIN "$(awk '$2 == "/data" { print $1 }' /proc/mounts)")
    echo "$device enable=1" > /sys/fs/cgroup/io.cost.qos
    node test/vm/guest/doctor.ts /data`,
  left: `ls -A /data; ls -d /run/sliverd /sys/fs/cgroup/doctor* 2>/dev/null || true; awk '/doctor/' /proc/mounts; losetup -a`,
  volatile: `mkdir /run/state && node test/vm/guest/doctor.ts /run/state state-durable cgroup-io disk-limits`,
};

describe.each(KERNELS)('the doctor on Debian kernel %s', (kernel) => {
  const output = stepsOn(kernel, STEPS);

  it('misses only what the guest lacks indeed: a bigger disk, and somebody who sets its clock', () => {
    const findings: Record<string, { ok: boolean; detail: string }> = JSON.parse(output('whole'));
    const missing = Object.entries(findings).filter(([, { ok }]) => !ok);
    expect(missing.map(([id]) => id).sort(), JSON.stringify(missing)).toEqual(['clock', 'free-disk']);
    expect(findings['disk-limits']?.detail).toMatch(/^project quota on/);
  });

  it('leaves nothing behind', () => {
    expect(output('left').trim()).toBe('lost+found');
  });

  it('tells a state directory in memory, and bounds disks there by loop devices', () => {
    const findings = JSON.parse(output('volatile'));
    expect(findings['state-durable']).toMatchObject({ ok: false, detail: '/run/state is on tmpfs' });
    expect(findings['cgroup-io'].ok).toBe(false);
    expect(findings['disk-limits']).toMatchObject({ ok: true });
    expect(findings['disk-limits'].detail).toMatch(/^loop-mounted ext4/);
  });
});

import { expect, it } from 'vitest';
import { onMachine } from './systemd-machine.ts';

// scripts/install for real: on a Debian machine with systemd as init, from the project's folder to slivers that outlive
// the daemon, and away again.
const told = (output: string) =>
  Object.fromEntries([...output.matchAll(/^@@ (\w+) (.*)$/gm)].map(([, name, value]) => [name!, value!]));

const SCRIPT = `
tell() { echo "@@ $1 $(echo $2)"; }
json() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }
init() { sliverctl --json sliver show demo_hello | json '["pid"]'; }
until_true() { for _ in $(seq 600); do if eval "$1"; then return; fi; sleep 0.5; done; echo "waited for $1"; return 1; }
failed() { status=$?; echo "--- line $1: $status"; systemctl --no-pager status sliverd slivers; journalctl -q --no-pager -n 40 -o cat -u sliverd; exit $status; }
trap 'failed $LINENO' ERR
set -E

/project/scripts/install
tell active "$(systemctl is-active sliverd slivers)"
tell enabled "$(systemctl is-enabled sliverd)"
tell degraded "$(sliverctl --json status | json '["degraded"]' | grep -o "'what': '[^']*'" | cut -d"'" -f4 | sort | paste -sd,)"
tell dev "$(ls -d /usr/lib/sliverd/node_modules/{vitest,typescript} 2>/dev/null || true)"
tell completion "$(bash -c '. /usr/share/bash-completion/completions/sliverctl && complete -p sliverctl' | wc -l)"
tell manual "$(cd /usr/local/share/man && ls man1/sliverctl.1 man5/node.yaml.5 man8/sliverd.8)"

sliverctl image import small /small
sliverctl sliver create demo_hello --image small disk.bytes=64M
before=$(init)
tell cgroup "$(cat /proc/$before/cgroup)"
tell controllers "$(cat /sys/fs/cgroup/slivers.slice/slivers.service/slivers/s1/cgroup.controllers)"
tell oom_init "$(sliverctl sliver exec demo_hello -- cat /proc/1/oom_score_adj)"
tell oom_exec "$(sliverctl sliver exec demo_hello -- cat /proc/self/oom_score_adj)"
tell namespace "$([ "$(readlink /proc/$(systemctl show -P MainPID sliverd)/ns/mnt)" = "$(readlink /proc/1/ns/mnt)" ] && echo shared)"

bound() { cd /sys/fs/cgroup/slivers.slice/slivers.service/slivers; cat memory.max cpu.max pids.max s1/memory.max; cd /; }
tell bounds "$(bound)"
# systemd writes its units' own limits anew then.
systemctl daemon-reload
tell bounds_reloaded "$(bound)"

systemctl restart sliverd
tell restarted "$([ "$(init)" = "$before" ] && echo same)"
kill -KILL $(systemctl show -P MainPID sliverd)
until_true '[ "$(systemctl show -P NRestarts sliverd)" -ge 1 ] && systemctl -q is-active sliverd'
tell killed "$([ "$(init)" = "$before" ] && echo same)"
/project/scripts/install
tell upgraded "$([ "$(init)" = "$before" ] && echo same)"
tell runs "$(sliverctl sliver exec demo_hello -- hostname)"

systemctl stop sliverd
tell stopped "$(kill -0 $before && echo alive)"
systemctl stop slivers
tell ended "$(kill -0 $before 2>/dev/null && echo alive || echo gone)"
systemctl start sliverd
until_true '[ "$(sliverctl --json sliver show demo_hello | json "[\\"state\\"]")" = running ]'
tell back "$(sliverctl sliver exec demo_hello -- echo yes)"

sliverctl node down
until_true '! systemctl -q is-active sliverd'
sleep 3
tell down "$(systemctl is-active sliverd || true)"
tell left "$(ls /run/sliverd/slivers; ls -d /sys/fs/cgroup/slivers.slice/slivers.service/slivers 2>/dev/null || true; losetup -n || true)"

/project/scripts/install --uninstall
tell kept "$(ls -d /var/lib/sliverd/node.db /etc/sliverd/node.yaml)"
/project/scripts/install
until_true '[ "$(sliverctl --json sliver show demo_hello | json "[\\"state\\"]")" = running ]'
tell again "$(sliverctl sliver exec demo_hello -- echo yes)"
/project/scripts/install --uninstall --purge
tell away "$(ls -d /usr/lib/sliverd /etc/sliverd /var/lib/sliverd /run/sliverd /usr/sbin/sliverd /usr/bin/sliverctl /usr/local/share/man/man?/{sliver*,node.yaml*} /etc/systemd/system/sliver* /sys/fs/cgroup/slivers.slice 2>/dev/null || true)"
`;

it('installs a node whose slivers outlive the daemon, upgrades it under them, and goes away', async () => {
  const { exitCode, output } = await onMachine(SCRIPT);
  expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
  const seen = told(output);
  expect(seen).toMatchObject({
    active: 'active active',
    enabled: 'enabled',
    // Not of this machine's making: no network to set a clock by, and no cost model of an emulated disk.
    degraded: 'a synchronised clock,proportional I/O',
    dev: '',
    completion: '1',
    manual: 'man1/sliverctl.1 man5/node.yaml.5 man8/sliverd.8',
    cgroup: '0::/slivers.slice/slivers.service/slivers/s1',
    namespace: 'shared',
    bounds_reloaded: seen.bounds,
    restarted: 'same',
    killed: 'same',
    upgraded: 'same',
    runs: expect.stringMatching(/./),
    stopped: 'alive',
    ended: 'gone',
    back: 'yes',
    down: 'inactive',
    left: '',
    kept: '/etc/sliverd/node.yaml /var/lib/sliverd/node.db',
    again: 'yes',
    away: '',
  });
  expect(seen.controllers?.split(' ')).toEqual(
    expect.arrayContaining(['cpuset', 'cpu', 'io', 'memory', 'pids']),
  );
  for (const who of ['oom_init', 'oom_exec'] as const) expect(Number(seen[who])).toBeGreaterThanOrEqual(0);
}, 1_800_000);

import { expect, it } from 'vitest';
import { onMachine } from './systemd-machine.ts';

// scripts/install for real: on a Debian machine with systemd as init, from the project's folder to slivers that outlive
// the daemon and come back after a power-off, and away again.
const told = (output: string) =>
  Object.fromEntries([...output.matchAll(/^@@ (\w+) (.*)$/gm)].map(([, name, value]) => [name!, value!]));

const TOOLS = `
SLIVERS=/sys/fs/cgroup/slivers.slice/slivers.service/slivers
tell() { echo "@@ $1 $(echo $2)"; }
until_true() { for _ in $(seq 1200); do if eval "$1"; then return; fi; sleep 0.5; done; echo "waited for $1"; return 1; }
# What the daemon says of the sliver: state and pid. By the socket, since sliverctl takes 10 s to start under emulation.
cat > /run/shown.py <<'PYTHON'
import http.client, json, socket
asked = http.client.HTTPConnection('node')
asked.sock = socket.socket(socket.AF_UNIX)
asked.sock.connect('/run/sliverd/admin.sock')
asked.request('GET', '/v1/slivers/demo_hello')
sliver = json.load(asked.getresponse())
print(sliver['state'], sliver['pid'])
PYTHON
shown() { python3 /run/shown.py; }
# Pids, with when each was started: a pid may come again.
processes() { for p in $(sort -n $SLIVERS/s1/cgroup.procs); do echo "$p@$(awk '{print $22}' /proc/$p/stat)"; done; }
failed() {
  status=$?
  echo "--- line $1: $status"
  systemctl --no-pager status sliverd slivers || true
  journalctl -q --no-pager -n 60 -o short-monotonic -u sliverd -u slivers
  exit $status
}
trap 'failed $LINENO' ERR
set -E
`;

const FIRST_BOOT = `${TOOLS}
# This machine's owner has an sshd, which stays as it is throughout.
own_sshd() { echo "$(systemctl is-active ssh) $(systemctl is-enabled ssh) $(systemctl show -P MainPID ssh) $(sha256sum /etc/ssh/sshd_config /etc/pam.d/sshd /etc/nsswitch.conf | sha256sum)"; }
own=$(own_sshd)
/project/scripts/install
tell door "$(grep '^access' /etc/sliverd/node.yaml)"
tell active "$(systemctl is-active sliverd slivers)"
tell enabled "$(systemctl is-enabled sliverd)"
tell degraded "$(sliverctl --json status | python3 -c 'import json, sys; print(",".join(sorted(each["what"] for each in json.load(sys.stdin)["degraded"])))')"
tell development "$(ls -d /usr/lib/sliverd/node_modules/{vitest,typescript} 2> /dev/null || true)"
tell completion "$(bash -c '. /usr/share/bash-completion/completions/sliverctl && complete -p sliverctl' | wc -l)"
tell manual "$(cd /usr/local/share/man && ls man1/sliverctl.1 man5/node.yaml.5 man8/sliverd.8)"

sliverctl image import small /small
ssh-keygen -q -t ed25519 -N '' -f /root/key
sliverctl sliver create demo_hello --image small --key /root/key.pub disk.bytes=64M
read -r _ init <<< "$(shown)"
tell cgroup "$(cat /proc/$init/cgroup)"
tell controllers "$(cat $SLIVERS/s1/cgroup.controllers)"
tell oom_init "$(sliverctl sliver exec demo_hello -- cat /proc/1/oom_score_adj)"
tell oom_exec "$(sliverctl sliver exec demo_hello -- cat /proc/self/oom_score_adj)"
tell namespace "$([ "$(readlink /proc/$(systemctl show -P MainPID sliverd)/ns/mnt)" = "$(readlink /proc/1/ns/mnt)" ] && echo shared)"

bound() { cat $SLIVERS/memory.max $SLIVERS/cpu.max $SLIVERS/pids.max $SLIVERS/s1/memory.max; }
tell bounds "$(bound)"
# systemd writes its units' own limits anew then.
systemctl daemon-reload
tell bounds_reloaded "$(bound)"

# A TCP connection inside. The listener takes one in its life, so that a lost one can't be made again unseen.
sliverctl sliver exec demo_hello -- sh -c '
  mkfifo /root/in /root/out
  { nc -l -p 7000 <> /root/in > /root/heard & } < /dev/null > /dev/null 2>&1
  until netstat -tln | grep -q :7000; do sleep 0.1; done
  { nc 127.0.0.1 7000 <> /root/out > /root/answered & } < /dev/null > /dev/null 2>&1
'
inside=/proc/$init/root/root
connected() { echo "$1" 1<> $inside/in; echo "$1" 1<> $inside/out; until_true "grep -qx $1 $inside/answered && grep -qx $1 $inside/heard"; }
connected at_first
# And one by ssh, whose session is another that must last.
SSH='ssh -F /dev/null -i /root/key -p 2222 -o StrictHostKeyChecking=no -o LogLevel=ERROR demo_hello@127.0.0.1'
tell login "$($SSH 'cat /etc/slicename; id -u')"
tell door_unit "$(systemctl is-active sliver-sshd) $(cut -d: -f3 /proc/$(systemctl show -P MainPID sliver-sshd)/cgroup)"
mkfifo /run/typed
$SSH 'exec cat' < /run/typed > /run/echoed & session=$!
exec 9> /run/typed
lasts() { echo "$1" >&9; until_true "grep -qx $1 /run/echoed"; }
lasts at_first
before=$(processes)
tell processes "$(echo "$before" | wc -l)"
undisturbed() { connected $1; lasts $1; [ "$(processes)" = "$before" ] && [ "$(shown)" = "running $init" ] && echo yes || { processes; shown; }; }

systemctl restart sliverd
tell restarted "$(undisturbed restarted)"
kill -KILL $(systemctl show -P MainPID sliverd)
until_true '[ "$(systemctl show -P NRestarts sliverd)" -ge 1 ] && systemctl -q is-active sliverd'
tell killed "$(undisturbed killed)"
daemon=$(systemctl show -P MainPID sliverd)
/project/scripts/install
tell replaced "$([ "$(systemctl show -P MainPID sliverd)" != $daemon ] && echo yes)"
tell upgraded "$(undisturbed upgraded)"
tell runs "$(sliverctl sliver exec demo_hello -- hostname)"

tell own_sshd "$([ "$(own_sshd)" = "$own" ] && echo untouched || own_sshd)"

systemctl stop sliverd
tell login_without "$($SSH id -u)"
tell stopped "$(connected stopped && [ "$(processes)" = "$before" ] && echo alive)"
systemctl stop slivers
exec 9>&-
wait $session && tell session 0 || tell session $?
tell ended "$(kill -0 $init 2> /dev/null && echo alive || echo gone)"
systemctl start sliverd
until_true '[[ "$(shown)" = running* ]]'
tell back "$(sliverctl sliver exec demo_hello -- sh -c 'cat /root/heard | tail -n 1')"
sliverctl sliver exec demo_hello -- sh -c 'echo written > /root/kept'
`;

const SECOND_BOOT = `${TOOLS}
tell booted "$(systemctl is-active sliverd slivers)"
until_true '[[ "$(shown)" = running* ]]'
until_true 'systemctl -q is-active sliver-sshd'
tell booted_door "$(systemctl is-active sliver-sshd ssh) $(ssh -F /dev/null -i /root/key -p 2222 -o StrictHostKeyChecking=no -o LogLevel=ERROR demo_hello@127.0.0.1 id -u)"
tell kept "$(sliverctl sliver exec demo_hello -- cat /root/kept)"

sliverctl node down
until_true '! systemctl -q is-active sliverd'
tell down "$(systemctl is-active sliverd sliver-sshd || true)"
tell left "$(ls /run/sliverd/slivers; ls -d $SLIVERS 2> /dev/null || true; losetup --all; grep -E ' /(run|var/lib)/sliverd' /proc/self/mountinfo || true)"

/project/scripts/install --uninstall
tell stays "$(ls -d /var/lib/sliverd/node.db /etc/sliverd/node.yaml /usr/lib/sliverd /usr/bin/sliverctl 2> /dev/null || true)"
/project/scripts/install
until_true '[[ "$(shown)" = running* ]]'
tell again "$(sliverctl sliver exec demo_hello -- cat /root/kept)"
/project/scripts/install --uninstall --purge
tell away "$(ls -d /usr/lib/sliverd* /etc/sliverd /var/lib/sliverd /run/sliverd /usr/sbin/sliverd /usr/bin/sliverctl /usr/local/share/man/man?/{sliver*,node.yaml*} /etc/systemd/system/sliver* \\
  /etc/systemd/system/*/sliver* /usr/share/bash-completion/completions/sliverctl /sys/fs/cgroup/slivers.slice /run/systemd/transient/sliver* 2> /dev/null || true; losetup --all; pgrep -af sliverd || true)"
tell own_at_last "$(systemctl is-active ssh)"
`;

it('installs a node whose slivers outlive the daemon, upgrades it under them, boots with them, and goes away', async () => {
  const { exitCode, output } = await onMachine([FIRST_BOOT, SECOND_BOOT]);
  expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
  const seen = told(output);
  expect(seen).toMatchObject({
    active: 'active active',
    enabled: 'enabled',
    // Not of this machine's making: no network to set a clock by or to share, and no cost model of an emulated disk.
    degraded: "a synchronised clock,proportional I/O,the world's network in slivers",
    development: '',
    completion: '1',
    manual: 'man1/sliverctl.1 man5/node.yaml.5 man8/sliverd.8',
    cgroup: '0::/slivers.slice/slivers.service/slivers/s1',
    namespace: 'shared',
    bounds_reloaded: seen.bounds,
    // Its init, the two of the connection, and that of the ssh session.
    processes: '4',
    restarted: 'yes',
    killed: 'yes',
    replaced: 'yes',
    upgraded: 'yes',
    runs: expect.stringMatching(/./),
    stopped: 'alive',
    ended: 'gone',
    back: 'stopped',
    booted: 'active active',
    kept: 'written',
    door: 'access: { port: 2222 }',
    login: 'demo_hello 0',
    door_unit: 'active /system.slice/sliver-sshd.service',
    own_sshd: 'untouched',
    login_without: '0',
    session: expect.stringMatching(/^[1-9]/),
    booted_door: 'active active 0',
    own_at_last: 'active',
    down: 'inactive inactive',
    left: '',
    stays: '/etc/sliverd/node.yaml /var/lib/sliverd/node.db',
    again: 'written',
    away: '',
  });
  expect(seen.controllers?.split(' ')).toEqual(
    expect.arrayContaining(['cpuset', 'cpu', 'io', 'memory', 'pids']),
  );
  for (const who of ['oom_init', 'oom_exec'] as const) expect(Number(seen[who])).toBeGreaterThanOrEqual(0);
}, 3_300_000);

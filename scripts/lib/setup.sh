# Sourced by the scripts: what each of them needs before it can do its work.
set -euo pipefail
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NODE=$PROJECT/node_modules/.bin/node

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# node_flags PATTERN: those of scripts/lib/node-flags, '^--' its options, '^[A-Z]' its environment.
node_flags() { grep "$1" "$PROJECT/scripts/lib/node-flags" | tr '\n' ' '; }

need_root() { [ "$(id -u)" = 0 ] || fail "needs root: sudo $0 $*"; }

# need_packages GROUP…: installs what is missing of those groups of scripts/debian-packages.
need_packages() {
  local missing=() package
  for package in $(awk -v groups=" $* " '!/^#/ && index(groups, " " $1 " ") { print $2 }' "$PROJECT/scripts/debian-packages"); do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing from Debian: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Only programs are wanted: no service of theirs starts here, now or with the next boot.
  (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      trap 'rm -f "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
    fi
    apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
  )
  for package in "${missing[@]}"; do
    case $package in
      docker.io) quiet docker.service docker.socket ;;
      openssh-server) quiet ssh.service ssh.socket ;;
      at) quiet atd.service ;;
      cron) quiet cron.service ;;
    esac
  done
}

# quiet UNIT…: doesn't start with the machine, whichever init that has. (Of systemd's services that disables the script, too.)
quiet() {
  local unit
  for unit; do
    if command -v systemctl > /dev/null; then systemctl --quiet disable "$unit" 2> /dev/null || true
    elif [ "${unit%.service}" != "$unit" ]; then update-rc.d "${unit%.service}" disable 2> /dev/null || true; fi
  done
}

# need_node_modules: the packages of package-lock.json, and with them the Node that runs everything.
need_node_modules() {
  local stamp=$PROJECT/node_modules/.package-lock.json
  [ -x "$NODE" ] && [ "$stamp" -nt "$PROJECT/package-lock.json" ] && return
  command -v npm > /dev/null || { say "installing npm from Debian"; apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm > /dev/null; }
  say "installing npm packages"
  (cd "$PROJECT" && npm ci --no-audit --no-fund --loglevel=error)
  touch "$stamp"
}

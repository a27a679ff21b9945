#!/bin/sh
# Installs the programs that the tests start: Mosquitto and its clients, nats-server, and the databases that clients are
# looked up in. Does nothing when they are there. No service of the system is started or enabled for them: the tests
# start their own instances.
set -eu

# Daemons live in sbin, which an ordinary user does not have in PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
packages=''
command -v mosquitto >/dev/null && command -v mosquitto_passwd >/dev/null || packages="$packages mosquitto"
command -v mosquitto_pub >/dev/null || packages="$packages mosquitto-clients"
command -v nats-server >/dev/null || packages="$packages nats-server"
# The core package has the server without a service of the system.
command -v mariadbd >/dev/null || packages="$packages mariadb-server-core"
# Debian keeps the programs of each version of PostgreSQL in a folder of its own.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages="$packages postgresql"
command -v redis-server >/dev/null || packages="$packages redis-server"
[ -n "$packages" ] || exit 0

by_hand() {
  echo "The tests need programs that are missing; install them with: sudo apt-get update && sudo apt-get install -y$packages" >&2
  exit 1
}

command -v apt-get >/dev/null || by_hand
as_root=''
if [ "$(id -u)" -ne 0 ]; then
  # -n: a password prompt would hang where nobody is watching
  command -v sudo >/dev/null && sudo -n true 2>/dev/null || by_hand
  as_root='sudo -n'
fi

echo "Installing for the tests:$packages"
log=$(mktemp)
# Debian starts what it installs, unless this program forbids it. One that is there already stays.
policy=/usr/sbin/policy-rc.d
own_policy=''
clean_up() {
  rm -f "$log"
  [ -z "$own_policy" ] || $as_root rm -f "$policy"
}
trap clean_up EXIT
if [ ! -e "$policy" ]; then
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi
# shellcheck disable=SC2086  # both variables are lists of words
if ! {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get update &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
} >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  by_hand
fi

# Nor are they to be started with the next boot.
for package in $packages; do
  case $package in mosquitto | nats-server | postgresql | redis-server)
    ! command -v systemctl >/dev/null || $as_root systemctl --quiet disable "$package" >/dev/null 2>&1 || true
    ;;
  esac
done

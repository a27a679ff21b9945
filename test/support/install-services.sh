#!/bin/sh
# Installs the programs that the tests start: Mosquitto and its clients, nats-server, RabbitMQ, openssl, the databases that
# clients are looked up in, HAProxy, Prometheus and Chromium. Does nothing when they are there. Debian's packages would start services of their own, which the tests do not need: while this runs
# they are kept from it. Services that ran before go on; the tests use other ports and leave them alone.
set -eu

# Daemons live in sbin, which an ordinary user does not have in PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
packages=''
command -v mosquitto >/dev/null && command -v mosquitto_passwd >/dev/null || packages="$packages mosquitto"
command -v mosquitto_pub >/dev/null || packages="$packages mosquitto-clients"
command -v nats-server >/dev/null || packages="$packages nats-server"
{ [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || command -v rabbitmq-server >/dev/null; } &&
  command -v epmd >/dev/null || packages="$packages rabbitmq-server"
command -v openssl >/dev/null || packages="$packages openssl"
# The core package has the server without a service of the system.
command -v mariadbd >/dev/null || packages="$packages mariadb-server-core"
# Debian keeps the programs of each version of PostgreSQL in a folder of its own.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages="$packages postgresql"
command -v chromium >/dev/null || packages="$packages chromium"
command -v redis-server >/dev/null || packages="$packages redis-server"
command -v haproxy >/dev/null || packages="$packages haproxy"
# Only for promtool, which checks the alert rules.
command -v promtool >/dev/null || packages="$packages prometheus"
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
# Debian's way to say that no service may be started by a package. One that is there belongs to whoever runs this machine.
policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ]; then policy=''; fi
clean_up() {
  rm -f "$log"
  [ -z "$policy" ] || $as_root rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
[ -z "$policy" ] || $as_root sh -c "printf '#!/bin/sh\\nexit 101\\n' >'$policy' && chmod 755 '$policy'"
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
  case $package in mosquitto | nats-server | postgresql | redis-server | haproxy | prometheus)
    ! command -v systemctl >/dev/null || $as_root systemctl --quiet disable "$package" >/dev/null 2>&1 || true
    ;;
  esac
done

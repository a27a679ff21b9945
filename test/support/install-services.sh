#!/bin/sh
# Installs the programs that the tests start: mosquitto, mosquitto_pub, nats-server and openssl. Does nothing when they are
# there. Debian starts services of its own for them; the tests use other ports and leave those services alone.
set -eu

# Daemons live in sbin, which an ordinary user does not have in PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
packages=''
command -v mosquitto >/dev/null && command -v mosquitto_passwd >/dev/null || packages="$packages mosquitto"
command -v mosquitto_pub >/dev/null || packages="$packages mosquitto-clients"
command -v nats-server >/dev/null || packages="$packages nats-server"
command -v openssl >/dev/null || packages="$packages openssl"
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
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086  # both variables are lists of words
if ! {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get update &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
} >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  by_hand
fi

#!/bin/sh
# Makes the passwords of docker-compose.yml, those that do not exist yet. The folder is closed to others; the files are
# readable, because containers see them with the rights they have here, under user ids of their own.
set -eu
umask 077
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
for name in gateway_admin_password grafana_admin_password; do
  file=$folder/$name
  [ -s "$file" ] && continue
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file"
  chmod 444 "$file"
  echo "wrote $file"
done

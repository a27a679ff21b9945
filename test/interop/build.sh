#!/bin/sh
# Builds the programs that the gateway is tried with: the nats command, and our reader of the monitoring pages. go.mod and go.sum
# say which versions. Go keeps what it has built, so the second time takes a second.
set -eu
cd "$(dirname "$0")"
if ! command -v go >/dev/null; then
  echo "The interoperability tests need Go (https://go.dev), which is not installed: they were NOT run." >&2
  exit 1
fi
mkdir -p ../../.cache/interop
go build -o ../../.cache/interop/ github.com/nats-io/natscli/nats ./monitor

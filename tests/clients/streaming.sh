#!/usr/bin/env bash
# Python's httpx calls through attache: events as they come, bodies of any length, kept connections, attache as its HTTP
# proxy. Needs httpx from requirements.txt.
#
# Usage: streaming.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
: "${PYTHON:?the Python that has requirements.txt}"
source "$here/start.sh"

start_emulator "$attache"
start upstream python3 "$here/streaming_upstream.py"
find_in upstream 'port=([0-9]+)'
upstream=127.0.0.1:$FOUND
start_proxy "$attache" --upstream-scheme http --upstream-host "$upstream"
pinned=$PROXY
start_proxy "$attache" --upstream-scheme http --allow-host "$upstream" --allow-address 127.0.0.1
"$PYTHON" "$here/streaming.py" "$upstream" "$pinned" "$PROXY"

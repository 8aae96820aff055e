#!/usr/bin/env bash
# WebSocket through attache, as Python's websockets and the cases of Autobahn see it. Needs both from requirements.txt.
#
# Usage: websocket.sh ATTACHE [SECONDS [CASES]]. With SECONDS one connection echoes so long; CASES are Autobahn's, '*' is all.
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
seconds=${2:-0}
cases=${3:-}
: "${PYTHON:?the Python that has requirements.txt}"
source "$here/start.sh"

start_emulator "$attache"
start echo "$PYTHON" "$here/websocket_echo.py"
find_in echo 'port=([0-9]+)'
echo=$FOUND
# Shorter than the pauses and the longest cases: what is switched has no timeouts but the peers' own.
start_proxy "$attache" --upstream-scheme http --upstream-host "127.0.0.1:$echo" \
    --upstream-timeout 2s --idle-timeout 2s --header-read-timeout 2s
"$PYTHON" "$here/websocket_http1.py" "ws://$PROXY" "$seconds"
"$PYTHON" "$here/autobahn.py" "ws://127.0.0.1:$echo" "ws://$PROXY" "$work/cases" ${cases:+"$cases"}

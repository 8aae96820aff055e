#!/usr/bin/env bash
# Half a header, a byte a second, a thousand such callers, while usual requests go on.
#
# Usage: slow_headers.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"

start_emulator "$attache"
start upstream python3 "$here/upstream.py"
find_in upstream 'port=([0-9]+)'
# A file each, and the shell may allow only 1,024.
ulimit -n 4096
start_proxy "$attache" --upstream-scheme http --upstream-host "127.0.0.1:$FOUND" --header-read-timeout 5s
python3 "$here/slow_headers.py" "$PROXY" 5

#!/usr/bin/env bash
# Requests that others collected because servers read them differently go through attache to nginx, and both agree on what
# was asked. Needs nginx, and the source package of gunicorn, unpacked:
#   pip download --no-deps --no-binary :all: gunicorn==23.0.0
#
# Usage: corpus.sh ATTACHE GUNICORN-SOURCE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source=${2:?the directory of gunicorn\'s source package}
source "$here/start.sh"
source "$here/peers.sh"

start_emulator "$attache"
upstream nginx ''
start_proxy "$attache" --access-log --upstream-scheme http --upstream-host "127.0.0.1:$PORT" \
    --header-read-timeout 500ms --idle-timeout 500ms
: >"$work/nginx.log"
python3 "$here/corpus.py" "$source/tests/requests" "$PROXY" "$work/proxy2.out" "$work/nginx.log"

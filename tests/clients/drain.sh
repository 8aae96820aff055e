#!/usr/bin/env bash
# SIGTERM while h2load keeps 200 connections busy with an upstream that takes a second: no request fails. Needs h2load
# (Debian: nghttp2-client).
#
# h2load has far more requests to send than it can before the signal. Those that it could not start, as nobody listens any
# more, it counts as failed; another instance would have got them. What counts here is that every request that was started
# was answered with 200, and that attache answered as many as h2load got.
#
# Usage: drain.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"
source "$here/load.sh"

main() {
    start_emulator "$attache"
    start upstream python3 "$here/streaming_upstream.py"
    find_in upstream 'port=([0-9]+)'
    local port=$FOUND
    drains "HTTP/1.1" "$port" --h1 -c 200
    drains "HTTP/2, one stream each" "$port" -c 200 -m 1
    drains "HTTP/2, ten streams each" "$port" -c 20 -m 10
}

# drains NAME PORT H2LOAD-ARGUMENT...
drains() {
    local name=$1 port=$2 started_before=${#started[@]} load said answered
    shift 2
    start_proxy "$attache" --access-log --upstream-scheme http --upstream-host "127.0.0.1:$port"
    local log=$work/proxy$started_before.out process=${started[-1]}
    h2load -n 100000 "$@" "http://$PROXY/slow?seconds=1" >"$work/load" 2>&1 &
    load=$!
    # In the middle of the second round every connection is busy.
    until (($(grep -c '"status":200' "$log") >= 300)); do sleep 0.1; done
    kill -TERM "$process"
    wait "$process" || fail "$name: attache ended with $?"
    wait "$load" || true
    said=$(grep '^requests: ' "$work/load")
    answered=$(grep -c '"status":200' "$log")
    grep -qE "^requests: [0-9]+ total, $answered started, $answered done, $answered succeeded, " <<<"$said" ||
        fail "$name: attache answered $answered, h2load saw $said"
    grep -qE "^status codes: $answered 2xx, 0 3xx, 0 4xx, 0 5xx$" "$work/load" || fail "$name: $(cat "$work/load")"
    printf 'ok  %s: all %s requests that were started before and after SIGTERM succeeded\n' "$name" "$answered"
}

main

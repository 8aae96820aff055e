#!/usr/bin/env bash
# SIGTERM while h2load keeps 200 connections busy with an upstream that takes a second: no request fails. Needs h2load
# (Debian: nghttp2-client).
#
# h2load has far more requests than it can send before the signal, and counts the rest as failed: nobody listens any more,
# or it was about to send on a connection when it read that no more are taken. Another instance would have got those. What
# counts is that each request that went out was answered with 200. h2load's log has a row for each, with 0 for the time
# at which it was sent where it was not.
#
# Usage: drain.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"
source "$here/peers.sh"

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
    local name=$1 port=$2 started_before=${#started[@]} load sent succeeded answered
    shift 2
    start_proxy "$attache" --access-log --upstream-scheme http --upstream-host "127.0.0.1:$port"
    local log=$work/proxy$started_before.out process=${started[-1]}
    h2load -n 100000 --log-file="$work/requests" "$@" "http://$PROXY/slow?seconds=1" >"$work/load" 2>&1 &
    load=$!
    # In the middle of the second round every connection is busy.
    answers_reach 300 "$log"
    kill -TERM "$process"
    wait "$process" || fail "$name: attache ended with $?"
    wait "$load" || true
    sent=$(awk '$1 != 0' "$work/requests" | wc -l)
    succeeded=$(awk '$1 != 0 && $2 == 200' "$work/requests" | wc -l)
    answered=$(grep -c '"status":200' "$log")
    [ "$sent $succeeded" = "$answered $answered" ] ||
        fail "$name: $sent were sent, $succeeded succeeded, attache answered $answered: $(cat "$work/load")"
    printf 'ok  %s: SIGTERM, and all %s requests that were sent succeeded\n' "$name" "$sent"
    rm "$work/requests"
}

# Waits until so many requests are answered, a minute at most: answers_reach COUNT LOG
answers_reach() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        (($(grep -c '"status":200' "$2") < $1)) || return 0
        sleep 0.1
    done
    fail "only $(grep -c '"status":200' "$2") requests were answered in a minute"
}

main

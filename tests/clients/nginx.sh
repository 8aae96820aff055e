#!/usr/bin/env bash
# nginx as an upstream that ends connections under load, h2load as the callers: whatever nginx does to a connection that
# attache keeps, no caller gets an error.
#
# Usage: nginx.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"

main() {
    head -c 2000 /dev/zero >"$work/body"
    start_emulator "$attache"
    # Each ends connections in its own way: when idle for a moment, after a few requests, with GOAWAY.
    start_nginx idle '' 'keepalive_timeout 1ms;'
    serves_all "HTTP/1.1, closed after a millisecond" http1
    start_nginx requests '' 'keepalive_requests 3;'
    serves_all "HTTP/1.1, closed after three requests" http1
    start_nginx goaway http2 'keepalive_requests 20;'
    serves_all "HTTP/2, GOAWAY after twenty requests" http2
    serves_all "  with bodies" http2 --data "$work/body"
    start_nginx streams http2 'http2_max_concurrent_streams 2;'
    serves_all "HTTP/2, two streams a connection" http2
}

# Sets UPSTREAM to its address: start_nginx NAME LISTEN-PARAMETER DIRECTIVES
start_nginx() {
    local name=$1 parameter=$2 directives=$3 port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    UPSTREAM=127.0.0.1:$port
    mkdir "$work/$name"
    cat >"$work/$name/nginx.conf" <<END
daemon off;
pid $work/$name/pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path $work/$name/body;
    proxy_temp_path $work/$name/proxy;
    fastcgi_temp_path $work/$name/fastcgi;
    uwsgi_temp_path $work/$name/uwsgi;
    scgi_temp_path $work/$name/scgi;
    $directives
    server {
        listen $UPSTREAM $parameter;
        location / { return 200 "ok"; }
    }
}
END
    start "$name" "$(PATH=$PATH:/usr/sbin command -v nginx)" -e stderr -p "$work/$name" -c "$work/$name/nginx.conf"
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}

# Twenty callers send 4000 requests through attache: serves_all NAME PROTOCOL H2LOAD-ARGUMENT...
serves_all() {
    local name=$1 protocol=$2 found
    shift 2
    start_proxy "$attache" --upstream-scheme http --upstream-host "$UPSTREAM" --upstream-protocol "$protocol"
    h2load --h1 -n 4000 -c 20 "$@" -T 45 "http://$PROXY/" >"$work/load.out" 2>&1
    found=$(grep '^status codes:' "$work/load.out")
    if [ "$found" != "status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx" ]; then
        printf 'FAILED  %s: %s\n' "$name" "$found" >&2
        return 1
    fi
    printf 'ok  %s\n' "$name"
}

main

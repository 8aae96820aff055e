#!/usr/bin/env bash
# nginx as the upstream, h2load as the callers: an upstream that closes its connections as it likes costs nobody an
# error, over each protocol a caller may speak. Needs nginx and h2load (Debian: nginx-light, nghttp2-client).
#
# Usage: nginx.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"
source "$here/peers.sh"

main() {
    start_emulator "$attache"
    certificate
    # Closed after 10 ms without a request, and after three requests, under a load with pauses and one without.
    upstream hasty 'keepalive_timeout 10ms; keepalive_requests 3;'
    start_proxy "$attache" --upstream-scheme http --upstream-host "127.0.0.1:$PORT"
    all_succeed "closing when idle and after three: HTTP/1.1" 10000 --h1 -c 20 "http://$PROXY/"
    all_succeed "closing when idle and after three: HTTP/2" 10000 -c 4 -m 10 "http://$PROXY/"
    connections_changed hasty 2000
    with_pauses 200
    upstream single 'keepalive_timeout 0;'
    start_proxy "$attache" --upstream-scheme http --upstream-host "127.0.0.1:$PORT"
    all_succeed "closing after every response: HTTP/1.1" 1000 --h1 -c 10 "http://$PROXY/"
    connections_changed single 1000
    # Over HTTP/2 it says after a hundred requests that it takes no more, and ignores those that are on their way.
    local tls_port
    tls_port=$(free_port)
    upstream refusing "keepalive_requests 100; listen 127.0.0.1:$tls_port ssl http2;
        ssl_certificate $work/proxy.pem; ssl_certificate_key $work/proxy.key;"
    start_proxy "$attache" --upstream-host "localhost:$tls_port" --upstream-ca-cert "$work/proxy.pem"
    all_succeed "HTTP/2 behind, closing after a hundred: HTTP/1.1" 10000 --h1 -c 20 "http://$PROXY/"
    all_succeed "HTTP/2 behind, closing after a hundred: HTTP/2" 10000 -c 4 -m 10 "http://$PROXY/"
    connections_changed refusing 200
    upstream usual ''
    for scheme in http https; do
        local tls=()
        [ "$scheme" = http ] || tls=(--tls-cert "$work/proxy.pem" --tls-key "$work/proxy.key")
        start_proxy "$attache" --upstream-scheme http --upstream-host "127.0.0.1:$PORT" "${tls[@]}"
        all_succeed "HTTP/2 over $scheme" 10000 -c 10 -m 32 "$scheme://$PROXY/"
        all_succeed "HTTP/1.1 over $scheme" 10000 --h1 -c 50 "$scheme://$PROXY/"
    done
}

# nginx has indeed used so many connections, each for few requests: connections_changed NAME LEAST
connections_changed() {
    local used
    used=$(cut -d ' ' -f 1 "$work/$1.log" | sort -u | wc -l)
    ((used >= $2)) || fail "$1: only $used connections were used, so nothing was tried"
    printf 'ok    over %s connections to the upstream\n' "$used"
}

# One request at a time, each when the upstream may just be closing: with_pauses REQUESTS
with_pauses() {
    local number status
    for ((number = 0; number < $1; number++)); do
        # Around the 10 ms after which nginx closes.
        sleep "0.0$((5 + number % 10))"
        status=$(curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' "http://$PROXY/")
        [ "$status" = 200 ] || fail "a request after a pause was answered $status"
    done
    printf 'ok  %s requests with pauses around the time after which the upstream closes\n' "$1"
}

certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=localhost" \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
        -keyout "$work/proxy.key" -out "$work/proxy.pem" 2>"$work/openssl.err"
}

main

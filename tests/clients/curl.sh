#!/usr/bin/env bash
# curl as the caller, Python as the upstream, OpenSSL for both sides' certificates: over each protocol a caller may
# speak and each an upstream may, exactly one Authorization header arrives, and it is not the caller's.
#
# Usage: curl.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"

main() {
    certificates
    head -c 200000 /dev/zero >"$work/body"
    start_emulator "$attache"
    start plain python3 "$here/upstream.py"
    find_in plain 'port=([0-9]+)'
    local plain_port=$FOUND
    start tls python3 "$here/upstream.py" "$work/upstream.pem" "$work/upstream.key"
    find_in tls 'port=([0-9]+)'
    local tls_port=$FOUND
    through "plain upstream" --upstream-scheme http --upstream-host "127.0.0.1:$plain_port"
    through "TLS upstream" --upstream-host "localhost:$tls_port" --upstream-ca-cert "$work/ca.pem"
    refuses_a_stranger "$tls_port"
    through_sockets --upstream-scheme http --upstream-host "127.0.0.1:$plain_port"
}

# Every way in to one upstream: through NAME FLAG...
through() {
    local upstream=$1
    shift
    start_proxy "$attache" "$@"
    arrives "HTTP/1.1 to a $upstream" 1.1 --http1.1 "http://$PROXY"
    arrives "HTTP/2 without TLS to a $upstream" 2 --http2-prior-knowledge "http://$PROXY"
    start_proxy "$attache" --tls-cert "$work/proxy.pem" --tls-key "$work/proxy.key" "$@"
    arrives "HTTP/1.1 over TLS to a $upstream" 1.1 -k --http1.1 "https://$PROXY"
    arrives "HTTP/2 over TLS to a $upstream" 2 -k --http2 "https://$PROXY"
}

# Callers and scrapers that connect to files: through_sockets FLAG...
through_sockets() {
    local socket=$work/proxy.sock metrics=$work/metrics.sock
    start_proxy "$attache" --listen-addr "unix:$socket" --metrics-listen-addr "unix:$metrics" "$@"
    expect "the log names the socket" "$PROXY" "unix:$socket"
    arrives "HTTP/1.1 through a Unix socket" 1.1 --http1.1 --unix-socket "$socket" http://localhost
    arrives "HTTP/2 through a Unix socket" 2 --http2-prior-knowledge --unix-socket "$socket" http://localhost
    expect "health through a Unix socket" \
        "$(curl --silent --max-time 20 --unix-socket "$metrics" http://localhost/healthz)" ok
}

# Sends a GET and a POST and looks at what the upstream saw: arrives NAME VERSION CURL-ARGUMENT... URL
arrives() {
    local name=$1 version=$2 request seen spoken
    shift 2
    for request in "GET 0" "POST 200000"; do
        read -r method length <<<"$request"
        local body=()
        [ "$length" = 0 ] || body=(--data-binary "@$work/body")
        spoken=$(curl --silent --show-error --max-time 20 --output "$work/seen" --write-out '%{http_code} %{http_version}' \
            -H 'Authorization: Bearer of-the-caller' -H 'Proxy-Authorization: Basic of-the-caller' \
            "${body[@]}" "${@:1:$#-1}" "${!#}/v1/models?q=%2F")
        seen=$(tr -d '\r' <"$work/seen")
        expect "$name: $method is answered" "$spoken" "200 $version"
        expect "  with path and query untouched" "${seen%%$'\n'*}" "$method /v1/models?q=%2F HTTP/1.1"
        expect "  and the whole body" "${seen##*$'\n'}" "$length bytes"
        expect "  one Authorization header arrives" "$(grep -ci '^authorization:' <<<"$seen")" 1
        expect "  it holds a JWT" "$(grep -ciE '^authorization: Bearer [A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' <<<"$seen")" 1
        expect "  nothing of the caller's" "$(grep -c 'of-the-caller' <<<"$seen" || true)" 0
    done
}

# A certificate that nobody vouched for is not spoken to: refuses_a_stranger PORT
refuses_a_stranger() {
    start_proxy "$attache" --upstream-host "localhost:$1"
    local spoken
    spoken=$(curl --silent --max-time 20 --output /dev/null --write-out '%{http_code} %header{proxy-status}' "http://$PROXY/")
    expect "an upstream with an unknown certificate is not trusted" "$spoken" \
        "502 attache; error=tls_certificate_error"
}

expect() {
    if [ "$2" != "$3" ]; then
        printf 'FAILED  %s: %s instead of %s\n' "$1" "$2" "$3" >&2
        return 1
    fi
    printf 'ok  %s\n' "$1"
}

main

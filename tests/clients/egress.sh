#!/usr/bin/env bash
# Squid as the HTTP proxy on the way: tunnels to upstreams over each protocol, with credentials and without, and what
# callers are told of its refusals. The upstreams' names are known to Squid alone.
#
# Usage: egress.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"

main() {
    certificates
    start_emulator "$attache"
    start plain python3 "$here/upstream.py"
    find_in plain 'port=([0-9]+)'
    local plain_port=$FOUND
    start tls python3 "$here/upstream.py" "$work/upstream.pem" "$work/upstream.key"
    find_in tls 'port=([0-9]+)'
    local tls_port=$FOUND
    start_squid
    # STS is on this machine, and not behind the proxy.
    export NO_PROXY=127.0.0.1

    local with="http://user:p%40ss@127.0.0.1:$SQUID" trust=(--upstream-ca-cert "$work/ca.pem")
    HTTPS_PROXY=$with start_proxy "$attache" "${trust[@]}" --upstream-host "api.example.test:$tls_port"
    arrives "an https upstream"
    HTTP_PROXY=$with start_proxy "$attache" --upstream-scheme http --upstream-host "api.example.test:$plain_port"
    arrives "an http upstream"
    all_proxy=$with start_proxy "$attache" "${trust[@]}"
    arrives "an upstream that the caller names" -H "X-Upstream-Host: api.example.test:$tls_port"
    is_told "a metadata address that the caller names" "403 attache; error=destination_ip_prohibited" \
        -H 'X-Upstream-Host: 169.254.169.254'

    HTTPS_PROXY=http://127.0.0.1:$SQUID start_proxy "$attache" --upstream-host "api.example.test:$tls_port"
    is_told "Squid without credentials" '502 attache; error=proxy_configuration_error; details="egress proxy"; received-status=407'
    HTTPS_PROXY=http://user:wrong@127.0.0.1:$SQUID start_proxy "$attache" --upstream-host "api.example.test:$tls_port"
    is_told "Squid with wrong ones" '502 attache; error=proxy_configuration_error; details="egress proxy"; received-status=407'
    HTTPS_PROXY=$with start_proxy "$attache" --upstream-host "forbidden.example.test:$tls_port"
    is_told "an upstream that Squid forbids" '502 attache; error=http_request_denied; details="egress proxy"; received-status=403'
    HTTPS_PROXY=$with start_proxy "$attache" --upstream-host "api.example.test:1"
    is_told "an upstream that Squid cannot reach" '502 attache; error=destination_unavailable; details="behind the egress proxy"; received-status=503'
    HTTPS_PROXY=$with start_proxy "$attache" --upstream-host "api.example.test:$tls_port"
    is_told "an upstream that nobody vouches for" '502 attache; error=tls_certificate_error'

    expect "Squid's log knows no plain request" "$(grep -cE ' (GET|POST) ' "$work/squid/access.log" || true)" 0
    expect "no password in any log" "$(cat "$work"/*.out "$work"/*.err | grep -cE 'p@ss|p%40ss|dXNlcjpwQHNz' || true)" 0
}

# Sets SQUID to its port. It wants a user and a password, and forbids one name.
start_squid() {
    local ncsa
    SQUID=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    ncsa=$(find /usr/lib /usr/libexec -name basic_ncsa_auth -print -quit 2>/dev/null)
    # Started by root, Squid becomes another user.
    chmod 711 "$work"
    install -d -m 777 "$work/squid"
    printf 'user:%s\n' "$(openssl passwd -1 'p@ss')" >"$work/squid/passwords"
    printf '127.0.0.1 api.example.test forbidden.example.test\n' >"$work/squid/hosts"
    chmod 644 "$work"/squid/*
    cat >"$work/squid/squid.conf" <<END
http_port 127.0.0.1:$SQUID
hosts_file $work/squid/hosts
auth_param basic program $ncsa $work/squid/passwords
acl known proxy_auth REQUIRED
acl tunnel method CONNECT
acl forbidden dstdomain forbidden.example.test
http_access deny forbidden
http_access allow tunnel known
http_access deny all
cache deny all
pid_filename none
netdb_filename none
access_log stdio:$work/squid/access.log
cache_log $work/squid/cache.log
coredump_dir $work/squid
shutdown_lifetime 1 seconds
END
    start squid "$(PATH=$PATH:/usr/sbin command -v squid)" -N -f "$work/squid/squid.conf"
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        ! (exec 3<>"/dev/tcp/127.0.0.1/$SQUID") 2>/dev/null || return 0
        sleep 0.1
    done
    cat "$work/squid/cache.log" >&2
    return 1
}

# Sends a GET and a POST and looks at what the upstream saw: arrives NAME CURL-ARGUMENT...
arrives() {
    local name=$1 request seen
    shift
    for request in "GET 0" "POST 200000"; do
        read -r method length <<<"$request"
        local body=()
        [ "$length" = 0 ] || body=(--data-binary "@$work/body")
        seen=$(curl --noproxy '*' --silent --show-error --max-time 20 "${body[@]}" "$@" "http://$PROXY/v1" | tr -d '\r')
        expect "$name: $method arrives" "${seen%%$'\n'*}" "$method /v1 HTTP/1.1"
        expect "  with the whole body" "${seen##*$'\n'}" "$length bytes"
        expect "  with a token" "$(grep -ciE '^authorization: Bearer [A-Za-z0-9_.-]+$' <<<"$seen")" 1
        expect "  and nothing for the proxy" "$(grep -ci '^proxy-' <<<"$seen" || true)" 0
    done
}

# What a caller gets: is_told NAME ANSWER CURL-ARGUMENT...
is_told() {
    local name=$1 answer=$2
    shift 2
    expect "$name" "$(curl --noproxy '*' --silent --max-time 20 --output /dev/null \
        --write-out '%{http_code} %header{proxy-status}' "$@" "http://$PROXY/")" "$answer"
}

expect() {
    if [ "$2" != "$3" ]; then
        printf 'FAILED  %s: %s instead of %s\n' "$1" "$2" "$3" >&2
        return 1
    fi
    printf 'ok  %s\n' "$1"
}

# An authority with a certificate for the upstream, and a body to send.
certificates() {
    local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
    {
        openssl req -x509 "${key[@]}" -days 2 -subj "/CN=an authority" -keyout "$work/ca.key" -out "$work/ca.pem"
        openssl req "${key[@]}" -subj "/CN=api.example.test" -keyout "$work/upstream.key" -out "$work/upstream.csr"
        printf 'subjectAltName=DNS:api.example.test\nbasicConstraints=CA:FALSE\n' >"$work/upstream.ext"
        openssl x509 -req -in "$work/upstream.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
            -extfile "$work/upstream.ext" -out "$work/upstream.pem"
    } 2>"$work/openssl.err"
    head -c 200000 /dev/zero >"$work/body"
}

main

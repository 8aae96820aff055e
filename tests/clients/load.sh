# Sourced after start.sh by scripts that put load on attache with h2load.

fail() {
    printf 'FAILED  %s\n' "$1" >&2
    return 1
}

# A port that nothing listens on, for programs that cannot say which one they were given.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits until something answers there: answers URL
answers() {
    curl --silent --output /dev/null --retry 100 --retry-connrefused --retry-delay 1 --max-time 60 "$1"
}

# Every one of so many requests is answered 2xx: all_succeed NAME REQUESTS H2LOAD-ARGUMENT... URL
all_succeed() {
    local name=$1 wanted=$2 said
    shift 2
    said=$(h2load -n "$wanted" "$@")
    grep -qE "^requests: $wanted total, $wanted started, $wanted done, $wanted succeeded, 0 failed, 0 errored, 0 timeout$" \
        <<<"$said" || fail "$name: $said"
    grep -qE "^status codes: $wanted 2xx, 0 3xx, 0 4xx, 0 5xx$" <<<"$said" || fail "$name: $said"
    printf 'ok  %s: %s requests, %s\n' "$name" "$wanted" "$(sed -nE 's/^finished in [^,]*, ([^,]*),.*/\1/p' <<<"$said")"
}

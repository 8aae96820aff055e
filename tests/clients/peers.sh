# Sourced after start.sh by scripts that need nginx as the upstream, or h2load as the callers.

# Debian's nginx lies where an ordinary user's path does not lead.
PATH=$PATH:/usr/sbin

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

# An nginx with these settings; its port in PORT, its log in NAME.log: upstream NAME SETTINGS
upstream() {
    local name=$1
    PORT=$(free_port)
    cat >"$work/$name.conf" <<EOF
daemon off;
pid $work/$name.pid;
error_log stderr;
events { worker_connections 4096; }
http {
    client_body_temp_path $work/$name.bodies;
    proxy_temp_path $work/$name.proxy;
    fastcgi_temp_path $work/$name.fastcgi;
    uwsgi_temp_path $work/$name.uwsgi;
    scgi_temp_path $work/$name.scgi;
    log_format brief escape=none '\$connection \$status \$request';
    access_log $work/$name.log brief;
    server {
        listen 127.0.0.1:$PORT;
        $2
        location / { return 200 "hello\n"; }
    }
}
EOF
    start "$name" nginx -c "$work/$name.conf" -p "$work"
    answers "http://127.0.0.1:$PORT/"
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

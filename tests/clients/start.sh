# Sourced by scripts that need programs running: starts them, learns where they listen, and ends them with the script.

work=$(mktemp -d)
started=()

finish() {
    local status=$?
    if ((status)); then
        tail -n 20 "$work"/*.out "$work"/*.err >&2 || true
    fi
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

# Runs a command in the background: start NAME COMMAND...
start() {
    local name=$1
    shift
    # Made here, because the command may be slower to begin than its reader.
    : >"$work/$name.out"
    "$@" >"$work/$name.out" 2>"$work/$name.err" &
    started+=("$!")
}

# Sets FOUND to what the group of an extended expression matches in a program's output: find_in NAME EXPRESSION
find_in() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        FOUND=$(sed -nE "s#^.*$2.*\$#\\1#p" "$work/$1.out")
        FOUND=${FOUND%%$'\n'*}
        [ -z "$FOUND" ] || return 0
        sleep 0.1
    done
    echo "$1 has not said where it listens" >&2
    return 1
}

# Sets EMULATOR to its URL, and the environment to what its callers need: start_emulator ATTACHE FLAG...
start_emulator() {
    local attache=$1
    shift
    start emulator "$attache" emulator --listen-addr 127.0.0.1:0 "$@"
    find_in emulator 'AWS_ENDPOINT_URL_STS=(.*)'
    EMULATOR=$FOUND
    export AWS_ENDPOINT_URL_STS=$EMULATOR AWS_REGION=eu-central-1 AWS_EC2_METADATA_DISABLED=true
    export AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY=secret
}

# Sets PROXY and METRICS to addresses: start_proxy ATTACHE FLAG...
start_proxy() {
    local attache=$1 name=proxy${#started[@]}
    shift
    start "$name" "$attache" --listen-addr 127.0.0.1:0 --metrics-listen-addr 127.0.0.1:0 "$@"
    find_in "$name" '"listen_addr":"([^"]*)"'
    PROXY=$FOUND
    find_in "$name" '"metrics_listen_addr":"([^"]*)"'
    METRICS=$FOUND
}

# Makes an authority with a certificate for the upstream, and one for the proxy that signs itself.
certificates() {
    local new=(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
    {
        "${new[@]}" -subj "/CN=an authority" -keyout "$work/ca.key" -out "$work/ca.pem"
        "${new[@]}" -subj "/CN=localhost" -keyout "$work/proxy.key" -out "$work/proxy.pem"
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=localhost" \
            -keyout "$work/upstream.key" -out "$work/upstream.csr"
        printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$work/upstream.ext"
        openssl x509 -req -in "$work/upstream.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
            -extfile "$work/upstream.ext" -out "$work/upstream.pem"
    } 2>"$work/openssl.err"
}

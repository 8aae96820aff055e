#!/usr/bin/env bash
# The program where the image would run it: a root that holds only what deploy/Dockerfile's image holds, mounted
# read-only, as uid 65532, without a shell. It gets its token from an emulator outside.
#
# Usage: image.sh ATTACHE, as root or where sudo makes one
set -euo pipefail
here=$(dirname "$0")
attache=$(realpath "${1:?the path of attache}")
[ "$(id -u)" = 0 ] || exec sudo -- "$0" "$attache"
if [ $# = 1 ]; then
    # The mounts are those of a process apart, and end with it. What is left is an empty folder: never remove more than that.
    image=$(mktemp -d)
    trap 'rmdir "$image"' EXIT
    unshare --mount -- "$0" "$attache" "$image"
    exit
fi
image=$2
source "$here/start.sh"

main() {
    image
    start_emulator "$attache"
    start upstream python3 "$here/upstream.py"
    find_in upstream 'port=([0-9]+)'
    expect "the image has no shell" "$(within /bin/sh -c true 2>&1 | grep -c 'No such file')" 1
    expect "its root cannot be written to" "$(touch "$image/new" 2>&1 | grep -c 'Read-only')" 1
    # A name, so that what glibc needs to look names up is shown to be there.
    start_proxy "$work/within" --upstream-scheme http --upstream-host "localhost:$FOUND"
    expect "it runs as uid 65532" "$(awk '/^Uid:/ { print $2, $3 }' "/proc/${started[-1]}/status")" "65532 65532"
    expect "with no capability" "$(awk '/^CapEff:/ { print $2 }' "/proc/${started[-1]}/status")" 0000000000000000
    local seen
    seen=$(curl --silent --show-error --max-time 20 "http://$PROXY/v1/models")
    expect "a request arrives with a token" \
        "$(grep -ciE '^authorization: Bearer [A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+' <<<"$seen")" 1
    within /attache healthcheck --metrics-listen-addr "$METRICS"
    echo "ok  attache healthcheck says so from within"
    within /attache healthcheck --ready --metrics-listen-addr "$METRICS"
    echo "ok  attache healthcheck --ready too"
}

# The files of gcr.io/distroless/cc-debian12 that matter here, and the program.
image() {
    mount -t tmpfs -o mode=755 image "$image"
    mkdir -p "$image"/{etc/ssl/certs,proc}
    cp "$attache" "$image/attache"
    ldd "$attache" | grep -oE '/[^ ]+' | while read -r library; do
        install -D "$(realpath "$library")" "$image$library"
    done
    cp -L /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/"
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$image/etc/passwd"
    printf 'hosts: files dns\n' >"$image/etc/nsswitch.conf"
    printf '127.0.0.1 localhost\n' >"$image/etc/hosts"
    mount --bind /proc "$image/proc"
    mount -o remount,ro "$image"
    # A program for start.sh to start.
    printf '#!/bin/sh\nexec chroot --userspec=65532:65532 "%s" /attache "$@"\n' "$image" >"$work/within"
    chmod +x "$work/within"
    chmod 755 "$work"
}

within() {
    chroot --userspec=65532:65532 "$image" "$@"
}

expect() {
    if [ "$2" != "$3" ]; then
        printf 'FAILED  %s: %s instead of %s\n' "$1" "$2" "$3" >&2
        return 1
    fi
    printf 'ok  %s\n' "$1"
}

main

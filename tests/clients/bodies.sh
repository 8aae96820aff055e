#!/usr/bin/env bash
# Bodies of 2 GiB in both directions, over HTTP/1.1 and HTTP/2: they arrive whole, and attache's memory stays flat within
# 8 MiB. Run by hand, with a release build: it takes about two minutes.
#
# Usage: bodies.sh ATTACHE [MEBIBYTES]
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
mebibytes=${2:-2048}
source "$here/start.sh"

main() {
    start_emulator "$attache"
    start upstream python3 "$here/streaming_upstream.py"
    find_in upstream 'port=([0-9]+)'
    local port=$FOUND
    truncate --size "${mebibytes}M" "$work/body"
    truncate --size 64M "$work/warm"
    local digest
    digest=$(sha256sum "$work/body")
    digest=${digest%% *}
    local version
    for version in --http1.1 --http2-prior-knowledge; do
        start_proxy "$attache" --upstream-scheme http --upstream-host "127.0.0.1:$port"
        PROCESS=${started[-1]}
        local call=(curl --silent --show-error --fail "$version")
        # What is measured is growth, so the buffers for a first body are no part of it.
        "${call[@]}" --upload-file "$work/warm" "http://$PROXY/digest" >/dev/null
        "${call[@]}" "http://$PROXY/download?mebibytes=64" >/dev/null
        stays_flat "upload, ${version#--}" "$digest" "${call[@]}" --upload-file "$work/body" "http://$PROXY/digest"
        stays_flat "download, ${version#--}" $((mebibytes << 20)) "${call[@]}" --output /dev/null \
            --write-out '%{size_download}' "http://$PROXY/download?mebibytes=$mebibytes"
    done
}

# Runs a command that says what it should, and watches memory meanwhile: stays_flat NAME EXPECTED COMMAND...
stays_flat() {
    local name=$1 expected=$2 before least most now began=$SECONDS
    shift 2
    before=$(resident)
    least=$before most=$before
    "$@" >"$work/answer" &
    local call=$!
    while kill -0 "$call" 2>/dev/null; do
        now=$(resident)
        ((now <= most)) || most=$now
        ((now >= least)) || least=$now
        sleep 0.05
    done
    wait "$call"
    [ "$(cat "$work/answer")" = "$expected" ] || { echo "FAILED  $name: $(cat "$work/answer")" >&2; return 1; }
    printf '%s  %s: %s MiB in %s s, resident %s KiB before, %s to %s KiB meanwhile\n' \
        "$( ((most - least <= 8192)) && echo ok || echo FAILED)" "$name" "$mebibytes" "$((SECONDS - began))" \
        "$before" "$least" "$most"
    ((most - least <= 8192))
}

resident() {
    awk '/^VmRSS:/ { print $2 }' "/proc/$PROCESS/status"
}

main

#!/usr/bin/env bash
# A scanner that nobody here wrote tries its request smuggling payloads on attache, and gets no answer that it finds odd:
# smugglex 0.4 (cargo install smugglex), all its checks that need no TLS. Some of its payloads promise a body and send
# none; attache waits for it, as it must, so what the scanner finds by waiting alone counts for nothing.
#
# Usage: smugglex.sh ATTACHE
set -euo pipefail
here=$(dirname "$0")
attache=${1:?the path of attache}
source "$here/start.sh"

main() {
    start_emulator "$attache"
    start upstream python3 "$here/upstream.py"
    find_in upstream 'port=([0-9]+)'
    start_proxy "$attache" --upstream-scheme http --upstream-host "127.0.0.1:$FOUND"
    # The scanner's status says whether it found anything, waiting included.
    smugglex --json --no-color --timeout 2 --fuzz \
        --checks cl-te,te-cl,te-te,h2c,h2,cl-edge,cl-0,0-cl,parser-discrepancy "http://$PROXY/" >"$work/found.json" || true
    judge <"$work/found.json"
}

judge() {
    python3 -c '
import json, sys

WAITING = ("connection_timeout", "timing_anomaly")
checks = json.load(sys.stdin)["results"][0]["checks"]
found = [check for check in checks if check["vulnerable"]]
odd = [check for check in found if not all(signal.startswith(WAITING) for signal in check["detection_signals"])]
print(f"{len(checks)} checks: {len(odd)} odd answers, {len(found) - len(odd)} waits")
for check in odd:
    print(json.dumps(check, indent=2))
sys.exit(len(checks) != 9 or bool(odd))
'
}

main

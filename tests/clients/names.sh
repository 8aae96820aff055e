#!/usr/bin/env bash
# Names that lead, by DNS, where no caller may go: to loopback, link-local and metadata addresses in each form, among
# allowed ones, and only at a later look-up. In a network of its own, where all those addresses have a listener, a
# request gets to the allowed one and to no other. Needs Linux and root, for `unshare`; the machine's own files and
# addresses stay as they are.
#
# Usage: names.sh ATTACHE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
attache=${1:?the path of attache}
if [ "${2:-}" != inside ]; then
    exec unshare --net --mount "$0" "$(realpath "$attache")" inside
fi
source "$here/start.sh"

ip link set lo up
ip address add 169.254.169.254/32 dev lo
# A private address, allowed by default.
ip address add 10.99.0.1/32 dev lo
printf 'nameserver 127.0.0.1\noptions timeout:5\n' >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
start_emulator "$attache"
start_proxy "$attache" --upstream-scheme http
python3 "$here/names.py" "$PROXY" "$EMULATOR"

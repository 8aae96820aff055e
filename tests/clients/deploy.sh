#!/usr/bin/env bash
# deploy/ and .github/ as the tools judge them that know those formats: hadolint, actionlint, kubernetes-validate,
# systemd-analyze, botocore's model of ECS and IAM, python-hcl2.
#
# Usage: deploy.sh ATTACHE, with the packages of requirements.txt in target/python
set -euo pipefail
cd "$(dirname "$0")/../.."
attache=$(realpath "${1:?the path of attache}")
python=target/python/bin
units=$(mktemp -d)
trap 'rm -rf "$units"' EXIT

main() {
    said hadolint "$python/hadolint" --failure-threshold style deploy/Dockerfile
    said actionlint "$python/actionlint"
    said kubernetes-validate "$python/kubernetes-validate" --strict --quiet deploy/kubernetes/*.yaml
    said "systemd-analyze verify" verify_units
    said "systemd-analyze security" systemd-analyze security --offline=true --threshold=20 --no-pager "$units/attache.service"
    "$python/python" tests/clients/deploy.py
}

# The units as they are, but for the program's path: it has to exist. An unknown key is a warning to systemd, not to us.
verify_units() {
    cp deploy/systemd/* "$units"
    sed -i "s#^ExecStart=.*#ExecStart=$attache#" "$units/attache.service"
    local warnings
    if ! warnings=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --recursive-errors=no "$units"/attache* 2>&1) ||
        [ -n "$warnings" ]; then
        printf '%s\n' "$warnings"
        return 1
    fi
}

# Runs a command, and shows what it says only where it objects: said NAME COMMAND...
said() {
    local name=$1 objections
    shift
    if ! objections=$("$@" 2>&1); then
        printf 'FAILED  %s\n%s\n' "$name" "$objections" >&2
        return 1
    fi
    printf 'ok  %s\n' "$name"
}

main

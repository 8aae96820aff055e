"""Autobahn's WebSocket cases, run by kosoku against a server twice: directly, and through attache. A case may pass or
fail as the server likes; what counts is that attache changes no verdict and no closing code.

Usage: autobahn.py DIRECT PROXIED DIRECTORY [CASES], for example ws://127.0.0.1:9001 ws://127.0.0.1:8080 /tmp/cases '9.1.*'.
Without CASES: everything but sizes and timings (9) and the long rows of compression (12 and 13).
"""

import json
import subprocess
import sys
from pathlib import Path

LONG = ["9.*", "12.*", "13.*"]


def verdicts(url, directory, chosen):
    command = [Path(sys.executable).with_name("kosoku"), *chosen, "--parallelism", "4", "--outdir", directory, url]
    # Its status says whether every case passed, which is the server's affair.
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    index = Path(directory, "index.json")
    if not index.exists():
        sys.exit(f"FAILED  {url} could not be tried: {run.stdout}")
    [(_, cases)] = json.loads(index.read_text()).items()
    return {case: verdict(found) for case, found in cases.items()}


def verdict(found):
    # Whether a server has answered one message before it reads the broken frame behind it is a matter of moments, and
    # all that tells these two apart.
    behavior = "OK" if found["behavior"] == "NON-STRICT" else found["behavior"]
    return behavior, found["behaviorClose"], found["remoteCloseCode"]


def main(direct, proxied, directory, cases):
    chosen = ["--include", cases] if cases else [word for case in LONG for word in ("--exclude", case)]
    wanted = verdicts(direct, f"{directory}/direct", chosen)
    got = verdicts(proxied, f"{directory}/proxied", chosen)
    changed = {case: (wanted.get(case), got.get(case)) for case in wanted | got if wanted.get(case) != got.get(case)}
    for case, (before, after) in changed.items():
        print(f"FAILED  case {case}: {before} directly, {after} through attache", file=sys.stderr)
    passed = sum(behavior in ("OK", "INFORMATIONAL") for behavior, _, _ in got.values())
    print(f"{len(got)} cases of Autobahn, {passed} pass, {len(changed)} end differently than without attache")
    sys.exit(bool(changed) or not got)


if __name__ == "__main__":
    main(*sys.argv[1:4], sys.argv[4] if len(sys.argv) > 4 else None)

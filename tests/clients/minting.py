"""What `attache token` prints, as PyJWT verifies it from the issuer's documents, and `attache doctor` as JSON.

Usage: minting.py ATTACHE, with the environment of an emulator's callers
"""

import json
import subprocess
import sys

import jwt

AUDIENCE = "https://api.example.com"


def main(attache):
    for algorithm in ("RS256", "ES384"):
        flags = ["--token-audience", AUDIENCE, "--token-duration", "10m", "--token-signing-algorithm", algorithm]
        printed = run(attache, "token", *flags)
        assert printed.count("\n") == 1, "the token and nothing else"
        claims = verified(printed.strip(), algorithm)
        assert claims["exp"] - claims["iat"] == 600, claims
        shown = json.loads(run(attache, "token", "--json", "--verify", *flags))
        assert verified(shown["token"], algorithm) == shown["claims"], shown
        assert shown["header"]["alg"] == algorithm and shown["verified"] is True, shown
        print(f"ok  PyJWT verifies a token of {algorithm}")

    flags = ["--token-audience", AUDIENCE, "--allow-host", "*", *ADDRESSES]
    report = json.loads(run(attache, "doctor", "--format", "json", *flags))
    assert report["verdict"] == "ok" and report["most_likely"] is None, report
    print(f"ok  the doctor's report is JSON of {len(report['checks'])} checks")


# Free ports, as the proxy's own may be taken here.
ADDRESSES = ["--listen-addr", "127.0.0.1:0", "--metrics-listen-addr", "127.0.0.1:0"]


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60, text=True).stdout


def verified(token, algorithm):
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    key = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=[algorithm], audience=AUDIENCE, issuer=issuer)


main(sys.argv[1])

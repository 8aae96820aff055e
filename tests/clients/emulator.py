"""Real clients against a running emulator: boto3 mints, PyJWT verifies through discovery and JWKS.

Usage: emulator.py ENDPOINT, for example http://127.0.0.1:4566. The emulator must be fresh, with its default
options. Prints one line a check, and stops with status 1 at the first that fails.
"""

import json
import sys
import urllib.request

import boto3
import jwt
from botocore.config import Config
from botocore.exceptions import ClientError

ABOUT = "https://sts.amazonaws.com/"
ROLE = "arn:aws:iam::123456789012:role/demo/attache"
CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1})
ONE = ["https://api.example.com"]


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}")


def client(service, endpoint, keys=("AKIAEXAMPLE", "secret", None)):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
        config=CONFIG,
    )


def fetch(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def refused(what, call, code, status, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        answer = error.response
        seen = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
        check(f"{what} is refused: {code}, {status}", seen == (code, status), answer)
        if status not in (502, 504):
            check("  with a request id", bool(answer["ResponseMetadata"].get("RequestId")), answer)
        return answer["Error"]["Message"]
    raise Failed(f"{what} was not refused")


def verify(issuer, token, audiences):
    """What a relying party does that knows nothing but the issuer."""
    document = fetch(f"{issuer}/.well-known/openid-configuration")
    if document["issuer"] != issuer:
        raise Failed(f"discovery names another issuer: {document}")
    key = jwt.PyJWKClient(document["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key.key,
        algorithms=document["id_token_signing_alg_values_supported"],
        audience=audiences,
        issuer=issuer,
        options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
    )


def mints_and_verifies(sts, issuer):
    for algorithm, kid in (("RS256", "RSA_0"), ("ES384", "EC384_0")):
        for audiences in (ONE, ["https://b.example.com", "https://a.example.com"]):
            answer = sts.get_web_identity_token(
                Audience=audiences, SigningAlgorithm=algorithm, DurationSeconds=600
            )
            token = answer["WebIdentityToken"]
            claims = verify(issuer, token, audiences)
            what = f"{algorithm} for {len(audiences)}"
            check(f"{what}: PyJWT verifies it", claims["sub"] == ROLE, claims)
            check(f"{what}: header", jwt.get_unverified_header(token) == {"alg": algorithm, "kid": kid, "typ": "JWT"})
            check(f"{what}: aud", claims["aud"] == (audiences[0] if audiences is ONE else audiences), claims)
            check(f"{what}: life", claims["exp"] - claims["iat"] == 600, claims)
            check(f"{what}: Expiration is exp", answer["Expiration"].timestamp() == claims["exp"], answer["Expiration"])
            about = claims[ABOUT]
            check(f"{what}: region of the signature", about["source_region"] == "eu-central-1", about)
            check(f"{what}: no session, no nbf", "original_session_exp" not in about and "nbf" not in claims, claims)

    tags = [{"Key": "team", "Value": "data platform"}, {"Key": "env", "Value": ""}]
    token = sts.get_web_identity_token(Audience=ONE, SigningAlgorithm="RS256", Tags=tags)["WebIdentityToken"]
    claims = verify(issuer, token, ONE)
    check("tags: request_tags", claims[ABOUT]["request_tags"] == {"team": "data platform", "env": ""}, claims)
    check("no duration: five minutes", claims["exp"] - claims["iat"] == 300, claims)

    try:
        verify(issuer, token, ["https://other.example.com"])
    except jwt.InvalidAudienceError:
        check("another audience is refused by PyJWT", True)
    else:
        raise Failed("PyJWT accepted a token for another audience")


def refuses_parameters(sts):
    mint = sts.get_web_identity_token
    for what, arguments in {
        "a duration of 59 s": {"Audience": ONE, "SigningAlgorithm": "RS256", "DurationSeconds": 59},
        "a duration of 3601 s": {"Audience": ONE, "SigningAlgorithm": "RS256", "DurationSeconds": 3601},
        "HS256": {"Audience": ONE, "SigningAlgorithm": "HS256"},
        "no algorithm": {"Audience": ONE},
        "no audience": {"Audience": [], "SigningAlgorithm": "RS256"},
        "an empty audience": {"Audience": [""], "SigningAlgorithm": "RS256"},
        "eleven audiences": {"Audience": [f"a{n}" for n in range(11)], "SigningAlgorithm": "RS256"},
        "a comma in a tag": {
            "Audience": ONE,
            "SigningAlgorithm": "RS256",
            "Tags": [{"Key": "team", "Value": "a,b"}],
        },
    }.items():
        message = refused(what, mint, "ValidationError", 400, **arguments)
        check("  and the rule is named", "failed to satisfy constraint: Member must" in message, message)


def keeps_the_session_rule(sts, endpoint, issuer):
    session = sts.assume_role(
        RoleArn="arn:aws:iam::123456789012:role/team/worker", RoleSessionName="job-1", DurationSeconds=900
    )["Credentials"]
    chained = client(
        "sts", endpoint, (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    )
    arn = chained.get_caller_identity()["Arn"]
    check("a session knows itself", arn == "arn:aws:sts::123456789012:assumed-role/worker/job-1", arn)
    token = chained.get_web_identity_token(Audience=ONE, SigningAlgorithm="ES384")["WebIdentityToken"]
    claims = verify(issuer, token, ONE)
    end = session["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
    check("a session's token says when the session ends", claims[ABOUT]["original_session_exp"] == end, claims)
    check("and is the role's", claims["sub"] == "arn:aws:iam::123456789012:role/team/worker", claims)
    past = {"Audience": ONE, "SigningAlgorithm": "RS256", "DurationSeconds": 3600}
    escalation = "SessionDurationEscalationException"
    refused("a token past the session", chained.get_web_identity_token, escalation, 403, **past)

    fetch(f"{endpoint}/_emulator/faults", "PATCH", {"session_age_seconds": 3541})
    bearer = sts.assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="pod-1", WebIdentityToken=token
    )["Credentials"]
    fetch(f"{endpoint}/_emulator/faults", "PATCH", {"session_age_seconds": None})
    short = client("sts", endpoint, (bearer["AccessKeyId"], bearer["SecretAccessKey"], bearer["SessionToken"]))
    least = {"Audience": ONE, "SigningAlgorithm": "RS256", "DurationSeconds": 60}
    refused("a token from a session of 59 s", short.get_web_identity_token, escalation, 403, **least)


def turns_federation_on_and_off(sts, iam, issuer):
    mint = {"Audience": ONE, "SigningAlgorithm": "RS256"}
    token = sts.get_web_identity_token(**mint)["WebIdentityToken"]
    info = iam.get_outbound_web_identity_federation_info()
    check("IAM tells the issuer", (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (issuer, True), info)
    refused("enabling twice", iam.enable_outbound_web_identity_federation, "FeatureEnabled", 409)
    iam.disable_outbound_web_identity_federation()
    code = "OutboundWebIdentityFederationDisabledException"
    refused("a token of a disabled account", sts.get_web_identity_token, code, 403, **mint)
    refused("information when disabled", iam.get_outbound_web_identity_federation_info, "FeatureDisabled", 404)
    refused("disabling twice", iam.disable_outbound_web_identity_federation, "FeatureDisabled", 404)
    check("a token issued before still verifies", verify(issuer, token, ONE)["sub"] == ROLE)
    again = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    check("the issuer stays the same", again == issuer, again)


def rotates_keys(sts, endpoint, issuer):
    mint = {"Audience": ONE, "SigningAlgorithm": "RS256"}
    old = sts.get_web_identity_token(**mint)["WebIdentityToken"]
    fetch(f"{endpoint}/_emulator/rotate", "POST")
    new = sts.get_web_identity_token(**mint)["WebIdentityToken"]
    kids = [jwt.get_unverified_header(token)["kid"] for token in (old, new)]
    check("a rotation changes the key", kids == ["RSA_0", "RSA_1"], kids)
    check("old and new verify", all(verify(issuer, token, ONE)["sub"] == ROLE for token in (old, new)))


def fails_on_demand(sts, endpoint):
    mint = {"Audience": ONE, "SigningAlgorithm": "RS256"}
    call = sts.get_web_identity_token
    for what, faults, code, status in (
        ("throttling", {"throttle": True}, "Throttling", 400),
        ("an outage", {"outage": 503}, "ServiceUnavailable", 503),
        ("a gateway's outage", {"outage": 502}, "502", 502),
        ("a denied audience", {"deny_audiences": ONE}, "AccessDenied", 403),
        ("an expired session", {"error": "ExpiredToken"}, "ExpiredToken", 403),
    ):
        fetch(f"{endpoint}/_emulator/faults", "PUT", faults)
        refused(what, call, code, status, **mint)
    fetch(f"{endpoint}/_emulator/reset", "POST")
    check("after a reset it mints again", "WebIdentityToken" in call(**mint))
    counters = fetch(f"{endpoint}/_emulator")["counters"]
    check("and has counted from there", counters == {"GetWebIdentityToken": {"received": 1, "ok": 1}}, counters)


def main(endpoint):
    sts, iam = client("sts", endpoint), client("iam", endpoint)
    issuer = iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"]
    mints_and_verifies(sts, issuer)
    refuses_parameters(sts)
    keeps_the_session_rule(sts, endpoint, issuer)
    turns_federation_on_and_off(sts, iam, issuer)
    rotates_keys(sts, endpoint, issuer)
    fails_on_demand(sts, endpoint)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1].rstrip("/"))
    except Failed as failure:
        sys.exit(f"FAILED  {failure}")

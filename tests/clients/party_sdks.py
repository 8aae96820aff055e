"""The relying parties' own SDKs, each doing its own exchange against the emulator and then calling the API with the result.

Usage: party_sdks.py ENDPOINT CA CERTIFICATE KEY, for example http://127.0.0.1:4566, and a certificate for `localhost` with its key
and its authority. The emulator must be fresh, with its default options. Prints one line a check, and stops with status 1 at the
first that fails.
"""

import json
import logging
import os
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.request

import boto3

SAYS = "The emulator says hello."
ROLE = "arn:aws:iam::123456789012:role/demo/attache"


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}", flush=True)


class World:
    """The emulator, and AWS's SDK to mint with."""

    def __init__(self, endpoint, authority, certificate, key):
        self.endpoint = endpoint
        self.authority, self.certificate, self.key = authority, certificate, key
        self.sts = boto3.client(
            "sts",
            endpoint_url=endpoint,
            region_name="eu-central-1",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="secret",
        )

    def base(self, party):
        return f"{self.endpoint}/parties/{party}"

    def mint(self, audience, algorithm="RS256", seconds=900):
        minted = self.sts.get_web_identity_token(
            Audience=[audience], SigningAlgorithm=algorithm, DurationSeconds=seconds
        )
        return minted["WebIdentityToken"]

    def token_file(self, audience, algorithm="RS256"):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(self.mint(audience, algorithm))
        return file.name

    def fault(self, party, **faults):
        self.control("PATCH", "/faults", {"parties": {party: faults}})

    def well(self):
        self.control("PATCH", "/faults", {"parties": None})

    def counted(self, party):
        return self.control("GET", "", None)["exchange_counters"][party]

    def control(self, method, path, body):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_emulator{path}", data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def refused(what, call, error, *parts):
    """Checks that a call raises this error, with these parts in its text."""
    try:
        call()
    except error as raised:
        check(f"{what} is refused", all(part in str(raised) for part in parts), repr(raised))
    else:
        raise Failed(f"{what} was not refused")


def anthropic(world):
    from anthropic import Anthropic, AuthenticationError
    from anthropic.lib.credentials import WorkloadIdentityCredentials, WorkloadIdentityError

    audience = "https://api.anthropic.com"
    os.environ |= {
        "ANTHROPIC_FEDERATION_RULE_ID": "fdrl_emulator",
        "ANTHROPIC_ORGANIZATION_ID": "00000000-0000-4000-8000-000000000001",
        "ANTHROPIC_SERVICE_ACCOUNT_ID": "svac_emulator",
        "ANTHROPIC_BASE_URL": world.base("anthropic"),
        "ANTHROPIC_IDENTITY_TOKEN_FILE": world.token_file(audience, "ES384"),
    }
    message = {"model": "m-1", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello?"}]}
    client = Anthropic(max_retries=0)
    answer = client.messages.create(**message)
    check("anthropic: the SDK exchanges by its environment, and calls", answer.content[0].text == SAYS, answer)
    with client.messages.stream(**message) as stream:
        text = "".join(stream.text_stream)
    check("anthropic: and streams", text == SAYS, text)
    check("anthropic: with one exchange", world.counted("anthropic") == {"received": 1, "ok": 1})

    again = Anthropic(max_retries=0)
    refused("anthropic: the same JWT again", lambda: again.messages.create(**message), WorkloadIdentityError, "401")
    counted = world.counted("anthropic")
    check("anthropic: which is counted", counted["spent"] == counted["repeated_jti"] >= 1, counted)

    def credentials(**changed):
        ids = {"federation_rule_id": "fdrl_emulator", "organization_id": "00000000-0000-4000-8000-000000000001"}
        mint = lambda: world.mint(changed.pop("audience", audience))  # noqa: E731
        made = WorkloadIdentityCredentials(identity_token_provider=mint, **(ids | changed))
        made.bind_base_url(world.base("anthropic"))
        return made

    life = credentials()().expires_at - time.time()
    check("anthropic: a result lives twice as long as its JWT", 1790 < life < 1802, life)
    refused("anthropic: another rule", credentials(federation_rule_id="fdrl_other"), WorkloadIdentityError, "401")
    refused("anthropic: a malformed rule", credentials(federation_rule_id="other"), WorkloadIdentityError, "400")
    world.fault("anthropic", huge=True)
    refused("anthropic: a huge answer", credentials(), WorkloadIdentityError, "exceeds")
    world.well()
    world.control("POST", "/revoke", {"party": "anthropic"})
    refused("anthropic: a revoked token", lambda: client.messages.create(**message), (AuthenticationError, WorkloadIdentityError))


def openai(world):
    from openai import OAuthError, OpenAI, OpenAIError
    from openai.auth import k8s_service_account_token_provider

    def client(**changed):
        identity = {
            "identity_provider_id": "idp_emulator",
            "service_account_id": "svcacct-emulator",
            "provider": k8s_service_account_token_provider(world.token_file("https://api.openai.com/v1", "ES384")),
        }
        made = OpenAI(
            workload_identity=identity | changed, base_url=world.base("openai") + "/v1", max_retries=0
        )
        made._workload_identity_auth.token_exchange_url = world.base("openai") + "/oauth/token"
        return made

    one = client()
    answer = one.responses.create(model="m-1", input="Hello?")
    check("openai: the SDK exchanges, and calls the Responses API", answer.output_text == SAYS, answer)
    with one.responses.stream(model="m-1", input="Hello?") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    check("openai: and streams", text == SAYS, text)
    chat = {"model": "m-1", "messages": [{"role": "user", "content": "Hello?"}]}
    text = one.chat.completions.create(**chat).choices[0].message.content
    check("openai: and calls the Chat API", text == SAYS, text)
    chunks = one.chat.completions.create(**chat, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    check("openai: and streams", text == SAYS, text)
    check("openai: with one exchange", world.counted("openai") == {"received": 1, "ok": 1})

    other = client(service_account_id="svcacct-other")
    refused("openai: another account", lambda: other.models.list(), OAuthError)
    world.fault("openai", text_seconds=True)
    refused("openai: seconds as text", lambda: client().models.list(), OpenAIError, "expires_in")
    world.fault("openai", text_seconds=None, redirect=True)
    refused("openai: a redirect", lambda: client().models.list(), OpenAIError, "307")
    world.well()


def entra(world):
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import WorkloadIdentityCredential

    authority = f"https://localhost:{tls_front(world)}/parties/entra"
    file = world.token_file("api://AzureADTokenExchange")

    def credential(**changed):
        ids = {
            "tenant_id": "00000000-0000-4000-8000-0000000000aa",
            "client_id": "00000000-0000-4000-8000-0000000000cc",
            "token_file_path": file,
        }
        return WorkloadIdentityCredential(
            **(ids | changed),
            authority=authority,
            disable_instance_discovery=True,
            connection_verify=world.authority,
            retry_total=0,
        )

    def token(scope="https://graph.microsoft.com/.default", **changed):
        return credential(**changed).get_token(scope).token

    graph = urllib.request.Request(
        world.base("entra") + "/v1.0/me", headers={"Authorization": f"Bearer {token()}"}
    )
    with urllib.request.urlopen(graph) as answer:
        subject = json.load(answer)["subject"]
    check("entra: the SDK exchanges over TLS, and the token is good", subject == ROLE, subject)
    for what, call, code in (
        ("another tenant", lambda: token(tenant_id="other"), "AADSTS90002"),
        ("another application", lambda: token(client_id="other"), "AADSTS700016"),
        ("a JWT for another audience", lambda: token(token_file_path=world.token_file("other")), "AADSTS700212"),
    ):
        refused(f"entra: {what}", call, ClientAuthenticationError, code)
    world.fault("entra", not_propagated=2)
    for n in (1, 2):
        refused(f"entra: try {n} before the trust is known", token, ClientAuthenticationError, "AADSTS70021")
    check("entra: the third try succeeds", bool(token()))
    world.well()


def openrouter(world):
    from openrouter import OpenRouter, errors

    def exchange(**changed):
        fields = {
            "federation_policy_id": "policy-emulator",
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": world.mint("https://openrouter.ai"),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        }
        with OpenRouter(server_url=base) as client:
            return client.o_auth.create_oauth_token(**(fields | changed))

    base = world.base("openrouter") + "/api/v1"
    result = exchange()
    check("openrouter: the SDK exchanges", 890 <= result.expires_in <= 900, result.expires_in)
    with OpenRouter(api_key=result.access_token, server_url=base) as client:
        chat = client.chat.send(model="m-1", messages=[{"role": "user", "content": "Hello?"}])
    check("openrouter: and calls", chat.choices[0].message.content == SAYS, chat)
    es384 = world.mint("https://openrouter.ai", "ES384")
    refused("openrouter: a JWT of ES384", lambda: exchange(subject_token=es384), errors.OpenRouterError)


def google(world):
    from google.auth import exceptions, identity_pool
    from google.auth.transport.requests import AuthorizedSession, Request

    provider = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/emulator/providers/aws"
    platform = "https://www.googleapis.com/auth/cloud-platform"
    impersonation = "/v1/projects/-/serviceAccounts/{}:generateAccessToken"

    def credentials(scope=platform, account=None, **changed):
        info = {
            "type": "external_account",
            "audience": provider,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": world.base("google") + "/v1/token",
            "credential_source": {"file": world.token_file("https:" + provider)},
        }
        if account:
            info["service_account_impersonation_url"] = world.base("google") + impersonation.format(account)
        return identity_pool.Credentials.from_info(info | changed, scopes=[scope])

    def called(held):
        return AuthorizedSession(held).get(world.base("google") + "/storage/v1/b").json()["subject"]

    check("google: the SDK exchanges, and calls", called(credentials()) == ROLE)
    attache = "attache@emulator.iam.gserviceaccount.com"
    check("google: and as a service account", called(credentials(account=attache)) == ROLE)
    other = "other@emulator.iam.gserviceaccount.com"
    storage = "https://www.googleapis.com/auth/devstorage.read_only"
    refresh = lambda **changed: lambda: credentials(**changed).refresh(Request())  # noqa: E731
    refused("google: another provider", refresh(audience=provider + "2"), exceptions.OAuthError, "invalid_target")
    refused("google: another account", refresh(account=other), exceptions.RefreshError, "403")
    world.fault("google", no_expiry=True)
    refused("google: an answer without expiry", refresh(), (TypeError, exceptions.GoogleAuthError))
    world.well()
    refresh(scope=storage)()
    check("google: a scope is free at the first hop", True)


def vault(world):
    import hvac

    client = hvac.Client(url=world.base("vault"))
    client.auth.jwt.jwt_login(role="attache", jwt=world.mint("vault", "ES384"))
    check("vault: the SDK logs in", client.is_authenticated())
    secret = client.secrets.kv.v2.read_secret_version("demo", raise_on_deleted_version=True)
    check("vault: and reads", secret["data"]["data"] == {"answer": "hello"}, secret)
    login = lambda role, audience: lambda: hvac.Client(url=world.base("vault")).auth.jwt.jwt_login(  # noqa: E731
        role=role, jwt=world.mint(audience)
    )
    refused("vault: another role", login("other", "vault"), hvac.exceptions.InvalidRequest, "role")
    refused("vault: another audience", login("attache", "other"), hvac.exceptions.InvalidRequest, "audience claim")
    client.token = "hvs.other"
    check("vault: another token is refused", not client.is_authenticated())


def databricks(world):
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    def client(**changed):
        file = world.token_file("databricks")
        settings = {"host": world.base("databricks"), "auth_type": "file-oidc", "oidc_token_filepath": file}
        service = {"client_id": "00000000-0000-4000-8000-0000000000db"}
        return WorkspaceClient(config=Config(**(settings | service | changed), retry_timeout_seconds=5))

    me = client().current_user.me()
    check("databricks: the SDK finds the endpoint, exchanges and calls", me.active, me)
    refused("databricks: another principal", lambda: client(client_id="other").current_user.me(), Exception, "invalid_client")


def tls_front(world):
    """A listener on localhost that ends TLS in front of the emulator, as Entra's SDK takes no authority without it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.certificate, world.key)
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = world.endpoint.removeprefix("http://").rsplit(":", 1)

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as caller:
            with socket.create_connection((host, int(port))) as emulator:
                threading.Thread(target=copy, args=(emulator, caller), daemon=True).start()
                copy(caller, emulator)

    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


PARTIES = [anthropic, openai, openrouter, entra, google, vault, databricks]


def main(arguments):
    # Azure's SDK logs each error that it raises.
    logging.disable()
    world = World(*arguments)
    for party in PARTIES:
        party(world)
    print(f"ok  the SDKs of {len(PARTIES)} parties")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        main(sys.argv[1:])
    except Failed as failure:
        sys.exit(f"FAILED  {failure}")

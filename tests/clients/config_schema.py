"""Holds the JSON schema of configuration files against files that attache takes, and files that it refuses.

Usage: config_schema.py ATTACHE
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import jsonschema

FILES = Path("tests/it/config_files")
DEFAULTS = '[defaults]\nupstream-timeout = "5s"\n'

# What stands behind the last route of a good file, and whether the file is good then.
LINES = {
    "": True,
    'upstream-timeout = "1h30m"': True,
    'upstream-timeout = "500ms"': True,
    "upstream-timeout = 30": False,
    'upstream-timeout = "30"': False,
    'upstream-timeout = "1d"': False,
    'upsteam-timeout = "30s"': False,
    'upstream-protocol = "http3"': False,
    'upstream = "https://a.example"': False,
    "strip-prefix = true": False,
    'strip-prefix = "true"\npath-prefix = "/a"': False,
    'strip-prefix = true\npath-prefix = "/a"': True,
    'upstream-client-cert = "a.pem"': False,
    'upstream-client-cert = "a.pem"\nupstream-client-key = "a.key"': True,
    "deny-addresses = []": False,
    'deny-addresses = ["10.0.0.0/8"]': True,
    'deny-addresses = "10.0.0.0/8"': False,
    "[routes.b]": False,
    '[routes."b c"]\nupstream = "https://a.example"\nlistener = "shared"': False,
    '[routes.b]\nupstream = "https://a.example"\nlistener = "shared"\npath-prefix = "/b"': True,
    "[listeners.b]": False,
    '[listeners.b]\naddress = ":1"\ntls-cert = "a.pem"': False,
    "[credentials.b]": False,
    "[credentials.b]\naudience = []": False,
    '[credentials.b]\naudience = "https://b.example"': True,
    '[credentials.b]\naudience = ["https://b.example", "https://c.example"]\nduration = "10m"': True,
    "[files.b]": False,
    '[defaults]\naddress = ":1"': False,
    '[defaults]\ntoken-duration = "10m"': True,
}


def main(attache):
    printed = subprocess.run([attache, "config", "schema"], capture_output=True, check=True).stdout
    assert printed == Path("docs/configuration-file.schema.json").read_bytes(), "the schema is not what attache prints"
    schema = json.loads(printed)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    good = (FILES / "three_routes.toml").read_text()
    for line, is_good in LINES.items():
        text = (good.replace(DEFAULTS, "") if line.startswith("[defaults]") else good) + line + "\n"
        problems = [problem.message for problem in validator.iter_errors(tomllib.loads(text))]
        assert (not problems) == is_good, f"{line!r}: the schema says {problems}"
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            checked = subprocess.run([attache, "config", "check", file.name], capture_output=True, text=True, check=False)
        assert (checked.returncode == 0) == is_good, f"{line!r}: attache says {checked.stderr}"
    print(f"ok  {len(LINES)} files, as the schema and attache see them")


main(sys.argv[1])

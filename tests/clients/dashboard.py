"""Grafana's own types read the dashboard and lose nothing of it: a field that its schema does not know would be gone.

Usage: dashboard.py. Prints what it has read, and stops with status 1 if something is lost or a plugin is needed.
"""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

FILE = pathlib.Path(__file__).parents[2] / "deploy/grafana/attache.json"
# What comes with every Grafana.
PANELS = {"row", "stat", "table", "timeseries"}


def lost(ours, theirs, path="dashboard"):
    """Where theirs is not ours. Defaults may be added."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key, "nothing"), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs)):
            yield from lost(*pair, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path} is {theirs} instead of {ours}"


def main():
    register_default_plugins()
    ours = json.loads(FILE.read_text())
    problems = list(lost(ours, json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))))
    problems += [f"{panel['title']} needs a plugin" for panel in ours["panels"] if panel["type"] not in PANELS]
    if problems:
        sys.exit("FAILED  " + "\n        ".join(problems))
    print(f"ok  {len(ours['panels'])} panels")


if __name__ == "__main__":
    main()

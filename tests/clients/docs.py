"""Types what the documents say: each block of shell in README.md, CONTRIBUTING.md and docs/ that is not marked as needing something.

The blocks of one page run in one shell, in an empty folder, in a network of their own that holds nothing but
themselves. Each has to succeed. A block of `text` in the same section is what the block before it prints: its lines have to
come in that order, `...` standing for anything.

Usage: docs.py ATTACHE
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

# What stands behind `sh` where a block cannot be run here.
NEEDS = {"needs-aws", "needs-checkout", "needs-cluster", "needs-engine", "needs-network", "needs-proxy", "needs-release",
         "needs-root"}
LANGUAGES = {"sh", "text", "json", "promql", "python", "hcl", "toml", "yaml"}
WAIT_LIMIT = 120
MARK = "--- block"


@dataclass
class Block:
    line: int
    language: str
    needs: str
    text: str
    printed: str = ""


def main(attache):
    pages = [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").glob("*.md"))]
    ran = 0
    for page in pages:
        blocks = read(page)
        to_run = [block for block in blocks if block.language == "sh" and not block.needs]
        if to_run:
            run(page, to_run, attache)
            print(f"ok  {page}: {len(to_run)} of {sum(block.language == 'sh' for block in blocks)} blocks ran")
        ran += len(to_run)
    print(f"{ran} blocks ran")
    assert ran > 10, "the documents have shell to run"


def read(page):
    """Every block of a page. One that says neither how it is run nor what it needs is a fault."""
    blocks, fence, before = [], None, None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence is not None and line == "```":
            check(page, fence)
            if fence.language == "text" and before is not None and not before.needs:
                before.printed += fence.text
            if fence.language == "sh":
                before = fence
            fence = None
        elif fence is not None:
            fence.text += line + "\n"
        elif line.startswith("```"):
            language, _, needs = line[3:].partition(" ")
            fence = Block(number, language, needs, "")
            blocks.append(fence)
        elif line.startswith("#"):
            before = None
    assert fence is None, f"{page}:{fence.line}: the block has no end"
    return blocks


def check(page, block):
    where = f"{page}:{block.line}"
    assert block.language in LANGUAGES, f"{where}: {block.language!r} is none of {sorted(LANGUAGES)}"
    assert block.needs in NEEDS if block.needs else True, f"{where}: {block.needs!r} is none of {sorted(NEEDS)}"
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "python":
        compile(block.text, where, "exec")


def run(page, blocks, attache):
    # A block may print a line without an end.
    script = "".join(f"printf '\\n%s\\n' '{MARK} {block.line}'\n{block.text}" for block in blocks)
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder, "bin")
        tools.mkdir()
        (tools / "attache").symlink_to(Path(attache).resolve())
        scratch = Path(folder, "scratch")
        scratch.mkdir()
        output = Path(folder, "output")
        path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        # With the process namespace everything ends that a block leaves running.
        apart = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "bash", "-c"]
        with output.open("wb") as file:
            ended = subprocess.run(
                [*apart, f"ip link set lo up\nset -eu\n{script}"],
                cwd=scratch, env={"PATH": path, "HOME": str(scratch), "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, timeout=WAIT_LIMIT, check=False,
            )
        printed = output.read_text()
    assert ended.returncode == 0, f"{page}: status {ended.returncode} after\n{printed}"
    parts = dict(re.findall(rf"^{MARK} (\d+)\n(.*?)(?=^{MARK}|\Z)", printed, re.M | re.S))
    for block in blocks:
        compare(f"{page}:{block.line}", block.printed, parts[str(block.line)])


def compare(where, expected, printed):
    lines = iter(printed.splitlines())
    for line in expected.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        assert any(re.fullmatch(pattern, found) for found in lines), f"{where}: no {line!r} in order in\n{printed}"


main(sys.argv[1])

"""Programs that run beside a measurement: started, asked where they listen, weighed, and ended."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# How long a program may take until it listens. Valgrind on a busy machine is what needs so much.
PATIENCE = 120
TICKS = os.sysconf("SC_CLK_TCK")
# What the AWS SDK reads. The emulator takes any keys, so none of these is a secret.
AWS = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Stage:
    """A directory for files, and the programs started in it. Leaving it ends and removes all."""

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="attache-bench-"))
        # nginx's workers may run as another user, and read certificates here.
        self.directory.chmod(0o755)
        self.programs = []
        return self

    def __exit__(self, *_):
        for program in reversed(self.programs):
            program.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, command, cores=None, environment=None):
        program = Program(command, self.directory / f"{len(self.programs)}.out", cores, environment)
        self.programs.append(program)
        return program

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def emulator(self, attache, cores=None):
        """Starts a local STS; the environment that makes it attache's."""
        # Names as short as these make tokens of about 920 bytes.
        names = ["--issuer", "https://sts.test", "--role", "app"]
        emulator = self.start([attache, "emulator", "--listen-addr", "127.0.0.1:0", *names], cores)
        return AWS | {"AWS_ENDPOINT_URL_STS": emulator.said(r"AWS_ENDPOINT_URL_STS=(\S+)")}


class Program:
    """One program and its children."""

    def __init__(self, command, output, cores, environment):
        pinned = ["taskset", "--cpu-list", cores] if cores else []
        self.command, self.output = [str(word) for word in command], output
        with output.open("wb") as out:
            self.process = subprocess.Popen(
                [*pinned, *self.command],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    def said(self, pattern):
        """The group of this expression in the program's output, waited for."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(pattern, self.output.read_text(errors="replace")):
                return found.group(1)
            time.sleep(0.01)
        self.fail(f"has not said {pattern}")

    def listens(self, port):
        """Waits until a connection to this port succeeds."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return
            except OSError:
                time.sleep(0.01)
        self.fail(f"does not listen on {port}")

    def fail(self, why):
        self.stop()
        sys.exit(f"{' '.join(self.command)}: {why}\n{self.output.read_text(errors='replace')[-2000:]}")

    def processes(self):
        """The process itself and its children's, as ids."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in children.read_text().split()]
        return found

    def cpu_seconds(self):
        """User time and system time of all its processes so far."""
        user, system = 0, 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        return user / TICKS, system / TICKS

    def megabytes(self, field="VmRSS"):
        """Resident memory of all its processes: now, or at most (VmHWM)."""
        kilobytes = 0
        for pid in self.processes():
            status = Path(f"/proc/{pid}/status").read_text()
            kilobytes += int(re.search(rf"{field}:\s+(\d+) kB", status).group(1))
        return kilobytes / 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_port():
    """A port that nothing listened on a moment ago, for programs that cannot choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

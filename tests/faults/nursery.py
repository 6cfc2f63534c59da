"""Starts `samklang` processes quickly: the modules are loaded once, and each process is forked from there.

A start costs two seconds of processor time otherwise, most of it imports, and these tests start a hundred.
What is forked is a process like any other: its own hub, connections and end. All end with the nursery.

Told on standard input, a JSON list a line: `["start", arguments, environment, log]` is answered with a
process id, `["poll", id]` with the exit code, negative for a signal, or null while it runs.
"""

import eventlet

eventlet.monkey_patch()

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1
SERVICES = ("catalogue", "enrolment", "notifications", "billing")


def _become(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """What the forked child does; never returns."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(environment)
        eventlet.hubs.use_hub()  # one that shares nothing with the nursery's
        import_module("tests.faults.crashing").main(arguments, standalone_mode=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _poll(pid: int, ended: dict[int, int]) -> int | None:
    if pid not in ended:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended.get(pid)


def serve() -> None:
    for service in SERVICES:
        import_module(f"services.{service}.wiring")
    for module in ("services.__main__", "tests.faults.crashing"):
        import_module(module)
    ended: dict[int, int] = {}
    print("ready", flush=True)  # noqa: T201
    while line := sys.stdin.readline():
        order, *rest = json.loads(line)
        if order == "start":
            answer: int | None = os.fork()
            if answer == 0:
                _become(*rest)
        else:
            answer = _poll(rest[0], ended)
        print(json.dumps(answer), flush=True)  # noqa: T201


class Child:
    """A forked process, as far as these tests need one."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ask("poll", self.pid)
        return self.returncode

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        if self.poll() is None:  # not reaped, so the id is still its own
            os.kill(self.pid, number)


class Nursery:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, *order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, arguments: list[str], environment: dict[str, str], log: Path) -> Child:
        return Child(self, self.ask("start", arguments, environment, str(log)))


@contextmanager
def open_nursery() -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.faults.nursery"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Nursery(process)
    finally:
        process.kill()
        with contextlib.suppress(OSError):
            process.communicate()


if __name__ == "__main__":
    serve()

"""Real processes: how they start, what they take over a socket, and how they stop."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import eventlet
import pytest

from services.chassis.clock import SystemClock
from services.chassis.process import CannotListen, listen_on
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from tests.journeys.product import ROOT, environment, free_port, until

START_SECONDS = 40
STOPPED_WITHIN_SECONDS = 10
FORM = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(autouse=True)
def _limit() -> Iterator[None]:
    """Longer than elsewhere: a process takes seconds to start on a busy machine."""
    with eventlet.Timeout(120, AssertionError("not done within 120 s")):
        yield


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return connection

    def ask(self, request: bytes) -> bytes:
        """The answer's status line, on a connection of its own."""
        with self.connect() as connection:
            connection.sendall(request)
            return connection.makefile("rb").readline()

    def stop(self, number: int) -> float:
        """Send the signal; the seconds until the process ended, well."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(timeout=30) == 0, self.log.read_text()
        return time.monotonic() - began


@pytest.fixture
def var(tmp_path: Path) -> Path:
    storage = Storage(f"sqlite:///{tmp_path}/var/catalogue.db", SystemClock())
    migrate(storage, "catalogue")
    storage.close()
    return tmp_path / "var"


def start(var: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "services.catalogue"],
            cwd=ROOT,
            env=environment(SAMKLANG_VAR=str(var), PORT=str(port)),
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture
def served(var: Path, tmp_path: Path) -> Iterator[Served]:
    """The catalogue alone, answering."""
    port, log = free_port(), tmp_path / "log"
    process = start(var, port, log)

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return b"listens on" in log.read_bytes()

    until(listens, START_SECONDS)
    yield Served(process, port, log)
    if process.poll() is None:
        process.kill()
        process.wait()


def test_from_start_to_stop(served: Served) -> None:
    """One process for several questions, since each start takes seconds."""
    # Nothing greets who starts it but where it listens.
    assert served.log.read_text() == f"samklang: catalogue listens on http://127.0.0.1:{served.port}\n"
    _takes_bodies_of_unsaid_length(served)
    _refuses_ten_megabytes(served)
    idle, busy = served.connect(), served.connect()
    idle.sendall(b"GET /health/catalogue/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in idle.recv(100)
    busy.sendall(FORM + b"Content-Length: 9\r\n\r\npers")
    eventlet.sleep(0.3)
    thread = eventlet.spawn(served.stop, signal.SIGTERM)
    eventlet.sleep(0.3)
    # Taken before the signal, and answered after it: 403, since the form has no token.
    busy.sendall(b"ona=x")
    assert b" 403 " in busy.makefile("rb").readline()
    assert thread.wait() < STOPPED_WITHIN_SECONDS
    with pytest.raises(ConnectionRefusedError):
        served.connect()
    assert "Traceback" not in served.log.read_text()


def _takes_bodies_of_unsaid_length(served: Served) -> None:
    chunked = (
        b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\nAuthorization: Bearer x\r\n\r\n"
    )
    path = b"POST /api/catalogue/courses/import HTTP/1.1\r\nHost: x\r\n"
    assert b" 401 " in served.ask(path + chunked + b"2\r\n{}\r\n0\r\n\r\n")
    too_much = b"".join(b"20000\r\n" + b"x" * 0x20000 + b"\r\n" for _ in range(9)) + b"0\r\n\r\n"
    form = FORM + b"Transfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in served.ask(form + too_much)


def _refuses_ten_megabytes(served: Served) -> None:
    """With an answer that a client can read, and not a connection that is reset."""
    body = b"x" * 10_000_000
    assert b" 413 " in served.ask(FORM + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def test_ctrl_c_does_not_wait_for_who_stalls(served: Served) -> None:
    stalled = served.connect()
    stalled.sendall(FORM + b"Content-Length: 9\r\n\r\npers")
    eventlet.sleep(0.3)
    assert served.stop(signal.SIGINT) < STOPPED_WITHIN_SECONDS
    stalled.close()


def test_a_taken_port_is_one_clear_line(var: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        process = start(var, port, tmp_path / "log")
        assert process.wait(timeout=START_SECONDS) == 2
    said = (tmp_path / "log").read_text()
    assert re.fullmatch(
        rf"samklang: port {port} on 127\.0\.0\.1 cannot be used: Address already in use\. "
        r"Choose another, for instance PORT=\d+\n",
        said,
    )


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(CannotListen, match=f"port 8000 on {host} cannot be used: "):
        listen_on(host, 8000)


def test_a_socket_that_listens() -> None:
    listener = listen_on("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)), pytest.raises(CannotListen):
        listen_on("127.0.0.1", port)
    listener.close()

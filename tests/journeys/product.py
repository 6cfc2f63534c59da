"""Starts the product for a journey: embedded, or as four processes on private servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kombu
import requests

from services.chassis.web.access import Actor
from services.chassis.web.session import Sessions
from services.contracts.registry import SERVICES, STREAMS, positions_queue_of, queue_of, readers_of
from services.contracts.site_map import PREFIXES
from services.enrolment.pricer import REST_SECONDS

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
SECRET = "a secret of the tests, long enough for anything"


@dataclass
class Product:
    """`addresses` by service; `environment` is what the command line needs to reach the same product."""

    addresses: dict[str, str]
    environment: dict[str, str]

    def command(self, *arguments: str, check: bool = True) -> str:
        """What `samklang ARGUMENTS` prints."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "services", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"samklang {arguments} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def token(self, role: str, municipality: str, person: str | None = None) -> dict[str, str]:
        """Headers as `samklang token` would sign them (a process each would take most of the test's time)."""
        token = Sessions(SECRET, secure=True).token(Actor("Test", role, municipality, "", person), days=1)
        return {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any) -> Any:
        return requests.request(method, self.address_of(path) + path, headers=headers, timeout=30, **rest)

    def address_of(self, path: str) -> str:
        """As the proxy does it: by /api/<service>, by the services' prefixes, else the catalogue."""
        parts = path.split("/")
        if parts[1] in ("api", "metrics", "operations", "health") and len(parts) > 2:
            return self.addresses[parts[2]]
        for service, prefixes in PREFIXES.items():
            if service != "catalogue" and path.startswith(prefixes):
                return self.addresses[service]
        return self.addresses["catalogue"]

    def deliver_everything_again(self) -> None:
        """Every fact of every log once more to every reader, and wait until nothing is left to do."""
        if self.environment["AMQP_URI"].startswith("memory"):
            return
        for source in [source for streams in STREAMS.values() for source in streams]:
            for reader in readers_of(source):
                self.command("replay", "--from", source, "--to", reader)
        self.wait_until_quiet()

    def wait_until_quiet(self) -> None:
        """Until every fact is where it should be and handled, also those that lie at the broker meanwhile."""
        operator = self.token("operator", "19")

        def figures() -> list[dict[str, Any]]:
            return [self.call("GET", f"/api/{service}/operations", operator).json() for service in SERVICES]

        def is_quiet(found: list[dict[str, Any]]) -> bool:
            published = sum(each["published"] for each in found)
            received = found[SERVICES.index("notifications")]["received"]  # it reads every stream
            handled = all(each["outbox_backlog"] == 0 and each["inbox_backlog"] == 0 for each in found)
            return handled and received == published

        def stays_quiet() -> bool:
            before = figures()
            if not is_quiet(before):
                return False
            # What one service had in hand when another one was asked, and what enrolment's timers say next.
            time.sleep(REST_SECONDS + 0.8)
            after = figures()
            return is_quiet(after) and all(
                one["published"] == other["published"] for one, other in zip(before, after, strict=True)
            )

        until(stays_quiet, 60)


def next_term(term_id: str) -> str:
    """The name of the term after `VT2027` or `HT2027`."""
    season, year = term_id[:2], int(term_id[2:])
    return f"HT{year}" if season == "VT" else f"VT{year + 1}"


def until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    """What `holds` returns, once it is true. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = holds()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {seconds} s: {holds}")
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**values: str) -> dict[str, str]:
    """The process' own, without settings that a developer may have set."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "AMQP_URI", "SMTP_URL", "SECRET_KEY", "PORT", "DEMO_PERSONAS")
    }
    return {**kept, "SECRET_KEY": SECRET, "AMQP_URI": "memory://", "PYTHONUNBUFFERED": "1", **values}


@contextmanager
def running(arguments: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`samklang ARGUMENTS`, stopped with SIGTERM at the end; it must stop by itself within ten seconds."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "services", *arguments],
            cwd=ROOT,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=12) == 0, log.read_text()[-2000:]
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def wait_for(address: str, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            return requests.get(address + path, timeout=2).status_code == 200
        except requests.RequestException:
            return False

    until(answers, START_SECONDS)


@contextmanager
def embedded(folder: Path) -> Iterator[Product]:
    """As `make run` starts it, with the county's data, in a folder of its own."""
    port = free_port()
    env = environment(SAMKLANG_VAR=str(folder / "var"), PORT=str(port))
    address = f"http://127.0.0.1:{port}"
    log = folder / "embedded.log"
    with running(["run"], env, log) as process:
        wait_for(address, "/health/catalogue/live", process, log)
        until(lambda: b"Samklang is running" in log.read_bytes(), START_SECONDS)
        yield Product(dict.fromkeys(SERVICES, address), env)


@contextmanager
def on_servers(folder: Path, database_url: str, amqp_uri: str) -> Iterator[Product]:
    """Four processes on PostgreSQL and RabbitMQ, migrated and loaded by the command line."""
    forget_queues(amqp_uri)
    env = environment(SAMKLANG_VAR=str(folder / "var"), DATABASE_URL=database_url, AMQP_URI=amqp_uri)
    addresses = {}
    with ExitStack() as stack:
        product = Product(addresses, env)
        product.command("migrate")
        started = []
        for service in SERVICES:
            port = free_port()
            log = folder / f"{service}.log"
            process = stack.enter_context(running(["serve", service], {**env, "PORT": str(port)}, log))
            addresses[service] = f"http://127.0.0.1:{port}"
            started.append((service, process, log))
        for service, process, log in started:
            wait_for(addresses[service], f"/health/{service}/ready", process, log)
        product.command("load", "--demo")
        yield product


def forget_queues(amqp_uri: str) -> None:
    """A fresh start on a broker that an earlier journey used."""
    with kombu.Connection(amqp_uri) as connection:
        for service in SERVICES:
            for name in (queue_of(service), positions_queue_of(service)):
                channel = connection.channel()
                channel.queue_delete(name)

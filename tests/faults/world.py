"""The product on nodes of its own, that a test can kill, freeze, wipe and cut off.

Four `samklang serve` processes, RabbitMQ, PostgreSQL, and a proxy between enrolment and the broker.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from services.chassis.clock import SystemClock
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.command_line.running import load_into
from services.contracts.registry import SERVICES
from tests.faults import truth
from tests.faults.disk import small_disk
from tests.faults.nursery import Child, Nursery, open_nursery
from tests.faults.people import People
from tests.faults.proxy import Proxy, proxied
from tests.journeys.product import environment
from tests.servers.machine import free_port
from tests.servers.nodes import PostgresNode, RabbitNode, start_together

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
STOP_SECONDS = 12
EXIT_KILLED = -signal.SIGKILL


class Running:
    """One `samklang serve` process, on the same port however often it is started again."""

    def __init__(self, service: str, env: dict[str, str], folder: Path, nursery: Nursery) -> None:
        self.service = service
        self._nursery = nursery
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{service}.log"
        self._env = {**env, "PORT": str(self.port), "PUBLIC_URL": self.address}
        self.process: Child | None = None
        self._log_began = 0

    def start(self, *crash: str, **env: str) -> None:
        """Without waiting. `crash` are options of tests.faults.crashing."""
        assert not self.is_running
        self._log_began = len(self.log.read_text(errors="replace")) if self.log.exists() else 0
        self.process = self._nursery.start([*crash, "serve", self.service], {**self._env, **env}, self.log)

    def wait_live(self) -> None:
        until(lambda: self.is_live() or not self.is_running, START_SECONDS)
        assert self.is_running, self.log_tail()

    def is_live(self) -> bool:
        try:
            return requests.get(f"{self.address}/health/{self.service}/live", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def readiness(self) -> Any:
        """What the readiness page says."""
        return requests.get(f"{self.address}/health/{self.service}/ready", timeout=15).json()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _end(self, number: signal.Signals) -> int:
        process = self.process
        assert process is not None
        process.send(number)
        until(lambda: process.poll() is not None, STOP_SECONDS)
        assert process.returncode is not None
        return process.returncode

    def kill(self) -> None:
        if self.is_running:
            self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In order: what is in hand is finished. Fails where that takes longer than promised."""
        if self.is_running:
            assert self._end(signal.SIGTERM) == 0, self.log_tail()

    def restart(self) -> None:
        self.kill()
        self.start()
        self.wait_live()

    def said(self, text: str) -> bool:
        """Whether it is in the log since the last start."""
        return text in self.log.read_text(errors="replace")[self._log_began :]

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def memory_mib(self) -> float:
        """What the process holds in memory now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


class World:
    def __init__(
        self, postgres: PostgresNode, rabbit: RabbitNode, proxy: Proxy, folder: Path, nursery: Nursery
    ) -> None:
        self.postgres = postgres
        self.rabbit = rabbit
        self.proxy = proxy
        self.folder = folder
        self._nursery = nursery
        self.injected = truth.Injected()
        env = environment(
            SAMKLANG_VAR=str(folder / "var"), DATABASE_URL=postgres.url("{service}"), AMQP_URI=rabbit.amqp_uri
        )
        self.environment = env
        through_proxy = {**env, "AMQP_URI": rabbit.amqp_uri.replace(f":{rabbit.port}/", f":{proxy.port}/")}
        self.services = {
            service: Running(service, through_proxy if service == "enrolment" else env, folder, nursery)
            for service in SERVICES
        }
        self.storages = {
            service: Storage(postgres.url(service), SystemClock(), pool_size=3) for service in SERVICES
        }
        self.people = People(self.storages, self.enrolment.address)

    @property
    def enrolment(self) -> Running:
        return self.services["enrolment"]

    def command(self, *arguments: str) -> tuple[int, str]:
        """The exit code of `samklang ARGUMENTS`, and what it said."""
        log = self.folder / "command.log"
        log.unlink(missing_ok=True)
        process = self._nursery.start(["--", *arguments], self.environment, log)
        until(lambda: process.poll() is not None, START_SECONDS)
        assert process.returncode is not None
        return process.returncode, log.read_text()

    def furnish(self) -> None:
        """The county's courses, and families."""
        load_into(self.storages, COUNTY_FOLDER, demo=False)
        self.settle()
        self.people.move_in()
        self.settle()

    def stir(self) -> None:
        self.people.stir()

    def page_seconds(self) -> float:
        """How long a page takes that nobody needs to sign in for; fails where it is not there."""
        began = time.monotonic()
        assert requests.get(self.services["catalogue"].address + "/courses", timeout=10).status_code == 200
        return time.monotonic() - began

    def settle(self, seconds: float = 60) -> float:
        """Wait until every reader has handled every fact; how long that took."""
        began = time.monotonic()
        until(lambda: truth.is_settled(self.storages), seconds)
        return time.monotonic() - began

    def lost(self) -> list[str]:
        """What is not as it must be: between the databases, and against what families were answered."""
        return truth.findings(self.storages, self.injected) + self.people.betrayed()


def until(holds: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        time.sleep(0.1)


@contextmanager
def started(folder: Path) -> Iterator[World]:
    """A furnished world with everything running; ended with all that it has started."""
    with ExitStack() as stack:
        postgres, rabbit = PostgresNode(), RabbitNode()
        stack.enter_context(small_disk(postgres))
        for node in (postgres, rabbit):
            stack.callback(node.remove)
        start_together(rabbit, postgres)
        for service in SERVICES:
            postgres.create_database(service)
        proxy = stack.enter_context(proxied(free_port(), rabbit.port))
        nursery = stack.enter_context(open_nursery())
        world = World(postgres, rabbit, proxy, folder, nursery)
        for service, storage in world.storages.items():
            migrate(storage, service)
        for running in world.services.values():
            running.start()
        for running in world.services.values():
            running.wait_live()
        world.furnish()
        yield world
        for storage in world.storages.values():
            storage.close()

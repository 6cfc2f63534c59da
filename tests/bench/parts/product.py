"""The four services as real processes on databases that are copied from a prepared set for each run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.chassis.clock import SystemClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.contracts.registry import SERVICES
from tests.conftest import AMQP, POSTGRES, on_postgres
from tests.journeys.product import Product, environment, forget_queues, free_port, running, wait_for


class Bench:
    """Databases named `<set>_<service>` on the private PostgreSQL, and one broker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = os.environ[POSTGRES]
        self.amqp_uri = os.environ[AMQP]

    def create(self, name: str, *, like: str | None = None) -> None:
        for service in SERVICES:
            copied = f' TEMPLATE "{like}_{service}"' if like else ""
            on_postgres(self.template, f'CREATE DATABASE "{name}_{service}"{copied}')

    def drop(self, name: str) -> None:
        for service in SERVICES:
            on_postgres(self.template, f'DROP DATABASE "{name}_{service}" WITH (FORCE)')

    def storage(self, name: str, service: str) -> Storage:
        return Storage(self.template.replace("{database}", f"{name}_{service}"), SystemClock(), pool_size=2)

    def migrate(self, name: str) -> None:
        for service in SERVICES:
            storage = self.storage(name, service)
            migrate(storage, service)
            storage.close()

    @contextmanager
    def product(self, name: str, **settings: str) -> Iterator[tuple[Product, dict[str, int]]]:
        """The product on the databases of `name`, and the process id of each service."""
        forget_queues(self.amqp_uri)
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        env = environment(
            SAMKLANG_VAR=str(folder / "var"),
            DATABASE_URL=self.template.replace("{database}", f"{name}_{{service}}"),
            AMQP_URI=self.amqp_uri,
            **settings,
        )
        product, pids = Product({}, env), {}
        with ExitStack() as stack:
            started = []
            for service in SERVICES:
                port, log = free_port(), folder / f"{service}.log"
                process = stack.enter_context(running(["serve", service], {**env, "PORT": str(port)}, log))
                product.addresses[service] = f"http://127.0.0.1:{port}"
                pids[service] = process.pid
                started.append((service, process, log))
            for service, process, log in started:
                wait_for(product.addresses[service], f"/health/{service}/ready", process, log)
            yield product, pids


def most_memory_mb(pids: dict[str, int]) -> float:
    """The most that the processes held at any time, together."""
    total = 0
    for pid in pids.values():
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total / 1024


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """What each process has used of the processors since it started."""
    tick = os.sysconf("SC_CLK_TCK")
    spent = {}
    for service, pid in pids.items():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent[service] = (int(fields[11]) + int(fields[12])) / tick
    return spent

"""How fast facts travel, how soon they are through after the broker died, and what waiting ones cost.

Throughput is from the first fact published to the last one handled: enrolment's relay in one process,
notifications' inbox and worker in another, as in production. Beside it nameko's stock event dispatcher and
event handler, also in a process each, with the same payload, broker and database. nameko's is measured twice:
with the product's reaction in a transaction a fact, which is the same work, and with a handler that does
nothing, which is as fast as nameko can be. Each is run RUNS times in turn; the median is told.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kombu
import requests
import sqlalchemy as sa

from services.chassis.clock import SystemClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.chassis.storage.tables import inbox, inbox_positions, outbox_streams
from services.contracts.enrolment import PupilNamed
from tests.bench._nameko_stock import QUEUE
from tests.conftest import AMQP, POSTGRES, needed, on_postgres
from tests.journeys.product import environment
from tests.servers.machine import free_port
from tests.servers.nodes import QUEUE_SETTLES_SECONDS, RabbitNode

ROOT = Path(__file__).parents[2]
FACTS = int(os.environ.get("BENCH_FACTS", "10000"))
WAITING = int(os.environ.get("BENCH_WAITING", "100000"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
RECORD_BATCH = 2000
MOST_SECONDS = 900
SOURCE = "enrolment.contacts"  # read by notifications alone
POLL_SECONDS = 0.25  # a look costs the machine as much as a dozen facts
BROKER_AWAY_SECONDS = 10  # long enough for the relay to have tried a few times


def until(holds: Callable[[], Any], seconds: float = MOST_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(POLL_SECONDS)


class Process:
    """A child with its output in a file."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            command = [sys.executable, "-W", "ignore", "-m", *arguments]
            self._child = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
            )

    def said(self, word: str) -> float | None:
        """When it said so, by its own clock."""
        if self._child.poll() is not None:
            raise RuntimeError(f"{self._child.args} ended: {self.log.read_text()[-2000:]}")
        lines = [line.split() for line in self.log.read_text(errors="replace").splitlines()]
        return next((float(line[1]) for line in lines if len(line) == 2 and line[0] == word), None)

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def memory_mib(self, field: str = "VmRSS") -> float:
        """VmRSS: held now; VmHWM: the most it ever held."""
        status = Path(f"/proc/{self._child.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
        return round(int(line.split()[1]) / 1024, 1)

    def cpu_seconds(self) -> float:
        """Processor time so far: unlike the time on the clock, nearly the same on a busy machine."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self._child.kill()
        self._child.wait()


class Bench:
    """Enrolment and notifications on databases of their own and a broker that may be killed."""

    def __init__(self, rabbit: RabbitNode, folder: Path, stack: ExitStack) -> None:
        self.rabbit = rabbit
        self.folder = folder
        self._stack = stack
        template = needed(POSTGRES)
        prefix = f"bench_{uuid.uuid4().hex[:8]}_"
        self.database_url = template.replace("{database}", prefix + "{service}")
        self.storages = {}
        for service in ("enrolment", "notifications"):
            name = prefix + service
            on_postgres(template, f'CREATE DATABASE "{name}"')
            stack.callback(on_postgres, template, f'DROP DATABASE "{name}" WITH (FORCE)')
            storage = Storage(self.database_url.replace("{service}", service), SystemClock(), pool_size=2)
            stack.callback(storage.close)
            migrate(storage, service)
            self.storages[service] = storage

    def serve(self, service: str) -> Process:
        port = free_port()
        env = environment(
            SAMKLANG_VAR=str(self.folder / "var"),
            DATABASE_URL=self.database_url,
            AMQP_URI=self.rabbit.amqp_uri,
            PORT=str(port),
        )
        process = Process(["services", "serve", service], env, self.folder / f"{service}.log")
        self._stack.callback(process.end)

        def live() -> bool:
            process.said("")
            try:
                address = f"http://127.0.0.1:{port}/health/{service}/live"
                return requests.get(address, timeout=2).status_code == 200
            except requests.RequestException:
                return False

        until(live)
        return process

    def record(self, facts: int) -> None:
        for first in range(0, facts, RECORD_BATCH):
            with self.storages["enrolment"].unit() as unit:
                for n in range(first, min(first + RECORD_BATCH, facts)):
                    unit.record(PupilNamed(f"pupil-{n}", f"Pupil {n}"))

    def stream(self) -> Any:
        with self.storages["enrolment"].reading() as connection:
            return connection.execute(
                sa.select(outbox_streams).where(outbox_streams.c.source == SOURCE)
            ).one()

    def is_through(self) -> bool:
        """Whether notifications has handled every fact there is."""
        last = self.stream().last_sequence
        with self.storages["notifications"].reading() as connection:
            through = connection.scalar(
                sa.select(inbox_positions.c.received_through).where(inbox_positions.c.source == SOURCE)
            )
            waiting = sa.select(sa.exists().where(inbox.c.handled_at.is_(None)))
            return through == last and not connection.scalar(waiting)

    def is_published(self) -> bool:
        stream = self.stream()
        return bool(stream.sent_through == stream.last_sequence)


@dataclass(frozen=True, slots=True)
class Rate:
    """Facts a second by the clock, and microseconds of processor time a fact in either process."""

    per_second: float
    writer_us: float
    reader_us: float


def _rate(seconds: float, writer_cpu: float, reader_cpu: float) -> Rate:
    return Rate(FACTS / seconds, 1e6 * writer_cpu / FACTS, 1e6 * reader_cpu / FACTS)


def samklang_rate(bench: Bench, enrolment: Process, notifications: Process) -> Rate:
    """The relay is held while the facts are recorded, so that the clock starts with its first batch."""
    cpu = [process.cpu_seconds() for process in (enrolment, notifications)]
    enrolment.signal(signal.SIGSTOP)
    try:
        bench.record(FACTS)
        time.sleep(1.0)  # a relay at rest would look again by now
        began = time.monotonic()
    finally:
        enrolment.signal(signal.SIGCONT)
    until(bench.is_through)
    seconds = time.monotonic() - began
    return _rate(seconds, enrolment.cpu_seconds() - cpu[0], notifications.cpu_seconds() - cpu[1])


def nameko_rate(bench: Bench, role: str) -> Rate:
    with kombu.Connection(bench.rabbit.amqp_uri) as connection:
        connection.channel().queue_delete(QUEUE)
    url = bench.database_url.replace("{service}", "notifications")
    processes = []
    try:
        for each in (role, "writer"):
            arguments = ["tests.bench._nameko_stock", each, bench.rabbit.amqp_uri, url, str(FACTS)]
            processes.append(Process(arguments, dict(os.environ), bench.folder / f"nameko-{each}.log"))
            ready = processes[-1]
            until(lambda ready=ready: ready.said("ready") is not None)  # type: ignore[misc]
        reader, writer = processes
        until(lambda: writer.said("began") is not None)
        before_writing, cpu = writer.cpu_seconds(), reader.cpu_seconds()
        until(lambda: reader.said("ended") is not None)
        ended, began = reader.said("ended"), writer.said("began")
        assert ended is not None
        assert began is not None
        # The writer's own start is not counted: it makes its envelopes before it begins.
        return _rate(ended - began, writer.cpu_seconds() - before_writing, reader.cpu_seconds() - cpu)
    finally:
        for process in processes:
            process.end()


def recovery_seconds(bench: Bench, notifications: Process) -> tuple[float, Process]:
    """FACTS wait, half of them at the broker, half with their publisher, when it comes back from a kill."""
    notifications.end()
    bench.record(FACTS // 2)
    until(bench.is_published)
    time.sleep(QUEUE_SETTLES_SECONDS)
    bench.rabbit.kill()
    bench.record(FACTS - FACTS // 2)
    notifications = bench.serve("notifications")
    bench.rabbit.start()
    began = time.monotonic()
    until(bench.is_through)
    return time.monotonic() - began, notifications


def memory(bench: Bench, enrolment: Process, notifications: Process) -> dict[str, float]:
    """Of the publisher while WAITING facts wait for an absent broker, and of both while they go through."""
    figures = {
        "publisher_before": enrolment.memory_mib(),
        "reader_before": notifications.memory_mib(),
    }
    bench.rabbit.kill()
    bench.record(WAITING)
    time.sleep(BROKER_AWAY_SECONDS)
    figures["publisher_waiting"] = enrolment.memory_mib()
    bench.rabbit.start()
    began = time.monotonic()
    until(bench.is_through)
    figures["through_seconds"] = round(time.monotonic() - began, 1)
    figures["publisher_most"] = enrolment.memory_mib("VmHWM")
    figures["reader_most"] = notifications.memory_mib("VmHWM")
    return figures


def main() -> None:
    needed(AMQP)  # started with the other node; this benchmark kills its broker, so it has one of its own
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="samklang-bench-")))
        rabbit = stack.enter_context(RabbitNode())
        bench = Bench(rabbit, folder, stack)
        enrolment, notifications = bench.serve("enrolment"), bench.serve("notifications")
        rates: dict[str, list[Rate]] = {"samklang": [], "nameko": [], "nameko_bare": []}
        for _ in range(RUNS):
            rates["samklang"].append(samklang_rate(bench, enrolment, notifications))
            for process in (enrolment, notifications):
                process.signal(signal.SIGSTOP)  # nameko has the machine for itself
            rates["nameko"].append(nameko_rate(bench, "reader"))
            rates["nameko_bare"].append(nameko_rate(bench, "bare"))
            for process in (enrolment, notifications):
                process.signal(signal.SIGCONT)
        recovered, notifications = recovery_seconds(bench, notifications)
        mib = memory(bench, enrolment, notifications)
    median = {name: statistics.median(rate.per_second for rate in each) for name, each in rates.items()}
    figures = {
        "bench": "facts",
        "facts": FACTS,
        "per_second": round(median["samklang"]),
        "nameko_per_second": round(median["nameko"]),
        "nameko_bare_per_second": round(median["nameko_bare"]),
        "times_nameko": round(median["samklang"] / median["nameko"], 2),
        "times_nameko_bare": round(median["samklang"] / median["nameko_bare"], 2),
        "runs": {name: [round(rate.per_second) for rate in each] for name, each in rates.items()},
        "cpu_us_a_fact": {
            name: {
                "writer": round(statistics.median(rate.writer_us for rate in each)),
                "reader": round(statistics.median(rate.reader_us for rate in each)),
            }
            for name, each in rates.items()
        },
        "recovery_seconds": round(recovered, 1),
        "waiting": WAITING,
        "memory_mib": mib,
        "processors": os.cpu_count(),
        "load_before": round(load, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

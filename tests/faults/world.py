"""The product on nodes of its own, that a test can kill, freeze, wipe and cut off; and families who apply.

Four `samklang serve` processes, RabbitMQ, PostgreSQL, and a proxy between enrolment and the broker. What a
family was answered is kept, so that it can be compared with what is there in the end.
"""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import eventlet
import requests
import sqlalchemy as sa

from services.catalogue import commands as catalogue_commands
from services.chassis.clock import SystemClock
from services.chassis.ids import derived_id
from services.chassis.personal_identity import with_check_digit
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.chassis.storage.unit import Unit
from services.chassis.web.access import Actor
from services.chassis.web.session import Sessions
from services.command_line.running import load_into
from services.contracts.enrolment import PupilNamed
from services.contracts.registry import SERVICES
from services.enrolment import commands
from services.enrolment.commands import NewPupil
from services.enrolment.tables import applications, courses, terms
from tests.faults import truth
from tests.faults.nursery import Child, Nursery, open_nursery
from tests.faults.proxy import Proxy, proxied
from tests.journeys.product import SECRET, environment
from tests.servers.machine import free_port
from tests.servers.nodes import PostgresNode, RabbitNode, start_together

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
STOP_SECONDS = 12
PUPILS = 300
HOME = "1980"
AGE = 10
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

    def start(self, *crash: str, **env: str) -> None:
        """Without waiting. `crash` are options of tests.faults.crashing."""
        assert not self.is_running
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

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def memory_mib(self) -> float:
        """What the process holds in memory now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


@dataclass
class Families:
    """What was answered, and what a test asked for besides, answered or not."""

    placed: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)


class World:
    def __init__(
        self, postgres: PostgresNode, rabbit: RabbitNode, proxy: Proxy, folder: Path, nursery: Nursery
    ) -> None:
        self.postgres = postgres
        self.rabbit = rabbit
        self.proxy = proxy
        self.folder = folder
        self.injected = truth.Injected()
        self.families = Families()
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
        self._sessions = Sessions(SECRET, secure=True)
        self._dice = random.Random(3)  # the same families in the same order every time
        self._pupils: list[tuple[str, str]] = []
        self._courses: list[tuple[str, str]] = []
        with (COUNTY_FOLDER / "courses.csv").open(newline="", encoding="utf-8") as file:
            self._course_file = {row["course_key"]: row for row in csv.DictReader(file)}

    @property
    def enrolment(self) -> Running:
        return self.services["enrolment"]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`samklang ARGUMENTS`."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "services", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    # ------------------------------------------------------------ before anything happens

    def furnish(self) -> None:
        """The county's courses, and families with a child of AGE in HOME each."""
        load_into(self.storages, COUNTY_FOLDER, demo=False)
        self.settle()
        enrolment = self.storages["enrolment"]
        with enrolment.unit() as unit:
            self._register_families(unit)
        with enrolment.reading() as connection:
            fitting = (courses.c.min_age <= AGE) & (courses.c.max_age > AGE)
            open_to = courses.c.shared | (courses.c.municipality_code == HOME)
            rows = connection.execute(sa.select(courses.c.course_id).where(fitting & open_to)).all()
            term_id = connection.scalar(sa.select(terms.c.term_id))
        ids = {derived_id("course", str(term_id), key): key for key in self._course_file}
        self._term_id = str(term_id)
        self._courses = sorted((row.course_id, ids[row.course_id]) for row in rows)
        self.settle()

    def _register_families(self, unit: Unit) -> None:
        born_in = unit.today.year - AGE - 1
        for n in range(PUPILS):
            guardian, pupil = derived_id("fault guardian", str(n)), derived_id("fault pupil", str(n))
            born = f"{born_in}{9 + n % 3:02d}{1 + n // 3 % 28:02d}{100 + n:03d}"
            commands.register_guardian(unit, guardian, f"Guardian {n}", HOME, None)
            new = NewPupil(pupil, with_check_digit(born), f"Pupil {n}", "Test", HOME, guardian)
            commands.register_pupil(unit, new, "tests")
            self._pupils.append((guardian, pupil))

    # ------------------------------------------------------------ what people do meanwhile

    def stir(self, families: int = 6) -> None:
        """A round of everything at once: applications, answers to offers, withdrawals, changed courses."""
        pool = eventlet.GreenPool(families + 3)
        for _ in range(families):
            pool.spawn_n(self._apply)
        pool.spawn_n(self._answer_an_offer)
        pool.spawn_n(self._withdraw)
        self.change_a_course()
        pool.waitall()

    def _post(self, guardian: str, path: str, body: dict[str, str]) -> Any:
        """The answer, or None where there is none that can be relied on."""
        token = self._sessions.token(Actor("Test", "guardian", HOME, "", guardian), days=1)
        try:
            answer = requests.post(
                self.enrolment.address + path,
                headers={"Authorization": f"Bearer {token}"},
                json=body,
                timeout=(2, 10),
            )
        except requests.RequestException:
            return None
        return answer.json() if answer.status_code == 200 else None

    def _apply(self) -> None:
        guardian, pupil = self._dice.choice(self._pupils)
        course_id, _ = self._dice.choice(self._courses)
        id_ = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        began = time.monotonic()
        body = {"application_id": id_, "course_id": course_id, "pupil_id": pupil}
        answer = self._post(guardian, "/api/enrolment/applications", body)
        if answer is not None:
            self.families.seconds.append(time.monotonic() - began)
            self.families.answered.add(answer["application_id"])
            if answer["state"] == "placed":
                self.families.placed.add(answer["application_id"])

    def _one_that_is(self, state: str) -> sa.Row[Any] | None:
        with self.storages["enrolment"].reading() as connection:
            rows = connection.execute(
                sa.select(applications)
                .where(applications.c.state == state, applications.c.applied_by.like("%Test%"))
                .order_by(applications.c.application_id)
            ).all()
        return self._dice.choice(rows) if rows else None

    def _answer_an_offer(self) -> None:
        row = self._one_that_is("offered")
        if row is not None:
            answer = self._dice.choice(("accept", "accept", "decline"))
            self.families.withdrawn.add(row.application_id)
            self._post(row.guardian_id, f"/api/enrolment/applications/{row.application_id}/{answer}", {})

    def _withdraw(self) -> None:
        row = self._one_that_is(self._dice.choice(("placed", "queued")))
        if row is not None:
            self.families.withdrawn.add(row.application_id)
            self._post(row.guardian_id, f"/api/enrolment/applications/{row.application_id}/withdraw", {})

    def change_a_course(self) -> None:
        """A school has one course with more or fewer seats: a fact of the catalogue that has effects."""
        _, key = self._dice.choice(self._courses)
        row = {**self._course_file[key], "capacity": str(self._dice.randint(2, 30))}
        lines = [",".join(row), ",".join('"' + value.replace('"', '""') + '"' for value in row.values())]
        with self.storages["catalogue"].unit() as unit:
            data = "\n".join(lines).encode()
            catalogue_commands.import_courses(unit, data, self._term_id, scope="19")

    def record_backlog(self, facts: int) -> None:
        """So many facts of enrolment at once, read by notifications alone, which change nothing."""
        for first in range(0, facts, 2000):
            with self.storages["enrolment"].unit() as unit:
                for n in range(first, min(first + 2000, facts)):
                    unit.record(PupilNamed(self._pupils[n % PUPILS][1], f"Pupil {n % PUPILS}"))

    def page_seconds(self) -> float:
        """How long a page takes that nobody needs to sign in for; fails where it is not there."""
        began = time.monotonic()
        assert requests.get(self.services["catalogue"].address + "/courses", timeout=10).status_code == 200
        return time.monotonic() - began

    # ------------------------------------------------------------ and in the end

    def settle(self, seconds: float = 60) -> float:
        """Wait until every reader has handled every fact; how long that took."""
        began = time.monotonic()
        until(lambda: truth.lag(self.storages) == 0, seconds)
        return time.monotonic() - began

    def lost(self) -> list[str]:
        """What is not as it must be: between the databases, and against what families were answered."""
        with self.storages["enrolment"].reading() as connection:
            states = {
                row.application_id: row.state
                for row in connection.execute(sa.select(applications.c.application_id, applications.c.state))
            }
        findings = truth.findings(self.storages, self.injected)
        forgotten = self.families.answered - states.keys()
        if forgotten:
            findings.append(f"{len(forgotten)} families were answered, and their applications are not there")
        still = self.families.placed - self.families.withdrawn
        taken_back = [id_ for id_ in still if states.get(id_) != "placed"]
        if taken_back:
            findings.append(f"{len(taken_back)} families were told of a place that they do not have")
        return findings


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

"""Families who apply and schools that change their courses, while a test breaks things under them.

What a family was answered is kept, so that it can be compared with what is there in the end.
"""

from __future__ import annotations

import csv
import random
import time
import uuid
from collections.abc import Mapping
from typing import Any

import eventlet
import requests
import sqlalchemy as sa

from services.catalogue import commands as catalogue_commands
from services.chassis.ids import derived_id, new_id
from services.chassis.personal_identity import with_check_digit
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.chassis.web.access import Actor
from services.chassis.web.session import Sessions
from services.contracts.enrolment import PupilNamed
from services.enrolment import commands
from services.enrolment.commands import NewPupil
from services.enrolment.domain.requests import ApplicationRequest
from services.enrolment.tables import applications, courses, terms
from tests.journeys.product import SECRET

FAMILIES = 300
HOME = "1980"
AGE = 10
NAME = "Test family"


class People:
    """`address` is where enrolment answers. `placed` and `answered` are application ids."""

    def __init__(self, storages: Mapping[str, Storage], address: str) -> None:
        self._storages = storages
        self._address = address
        self.placed: set[str] = set()
        self.answered: set[str] = set()
        self.given_up: set[str] = set()  # a test asked for it, answered or not
        self.seconds: list[float] = []  # how long each answer took
        self._sessions = Sessions(SECRET, secure=True)
        self._dice = random.Random(3)  # the same families in the same order every time
        self._families: list[tuple[str, str]] = []
        self._courses: list[tuple[str, str]] = []
        self._term_id = ""
        with (COUNTY_FOLDER / "courses.csv").open(newline="", encoding="utf-8") as file:
            self._course_file = {row["course_key"]: row for row in csv.DictReader(file)}

    def move_in(self) -> None:
        """Families with a child of AGE in HOME each; enrolment must have the county's courses by now."""
        enrolment = self._storages["enrolment"]
        with enrolment.unit() as unit:
            for n in range(FAMILIES):
                self._families.append(_register(unit, n))
        with enrolment.reading() as connection:
            fitting = (courses.c.min_age <= AGE) & (courses.c.max_age > AGE)
            open_to = courses.c.shared | (courses.c.municipality_code == HOME)
            rows = connection.execute(sa.select(courses.c.course_id).where(fitting & open_to)).all()
            self._term_id = str(connection.scalar(sa.select(terms.c.term_id)))
        keys = {derived_id("course", self._term_id, key): key for key in self._course_file}
        self._courses = sorted((row.course_id, keys[row.course_id]) for row in rows)

    def stir(self, families: int = 6) -> None:
        """A round of everything at once: applications, answers to offers, withdrawals, changed courses."""
        pool = eventlet.GreenPool(families + 2)
        for _ in range(families):
            pool.spawn_n(self.apply)
        pool.spawn_n(self._answer_an_offer)
        pool.spawn_n(self._withdraw)
        self.change_a_course()
        pool.waitall()

    def apply(self) -> None:
        guardian, pupil = self._dice.choice(self._families)
        course_id, _ = self._dice.choice(self._courses)
        id_ = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        began = time.monotonic()
        body = {"application_id": id_, "course_id": course_id, "pupil_id": pupil}
        answer = self._post(guardian, "/api/enrolment/applications", body)
        if answer is not None:
            self.seconds.append(time.monotonic() - began)
            self.answered.add(answer["application_id"])
            if answer["state"] == "placed":
                self.placed.add(answer["application_id"])

    def new_request(self) -> ApplicationRequest:
        """An application of a family that has none for the course, as enrolment would be asked it."""
        with self._storages["enrolment"].reading() as connection:
            rows = connection.execute(sa.select(applications.c.pupil_id, applications.c.course_id))
            there = {(row.pupil_id, row.course_id) for row in rows}
        guardian, pupil, course_id = next(
            (guardian, pupil, course_id)
            for guardian, pupil in self._families
            for course_id, _ in self._courses
            if (pupil, course_id) not in there
        )
        return ApplicationRequest(new_id(), course_id, pupil, guardian, NAME)

    def _post(self, guardian: str, path: str, body: dict[str, str]) -> Any:
        """The answer, or None where there is none that can be relied on."""
        token = self._sessions.token(Actor(NAME, "guardian", HOME, "", guardian), days=1)
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = requests.post(self._address + path, headers=headers, json=body, timeout=(2, 15))
            return answer.json() if answer.status_code == 200 else None
        except requests.RequestException:
            return None

    def _one_that_is(self, state: str) -> sa.Row[Any] | None:
        guardians = [guardian for guardian, _ in self._families]
        with self._storages["enrolment"].reading() as connection:
            rows = connection.execute(
                sa.select(applications)
                .where(applications.c.state == state, applications.c.guardian_id.in_(guardians))
                .order_by(applications.c.application_id)
            ).all()
        return self._dice.choice(rows) if rows else None

    def _answer_an_offer(self) -> None:
        row = self._one_that_is("offered")
        if row is not None:
            answer = self._dice.choice(("accept", "accept", "decline"))
            self.given_up.add(row.application_id)
            self._post(row.guardian_id, f"/api/enrolment/applications/{row.application_id}/{answer}", {})

    def _withdraw(self) -> None:
        row = self._one_that_is(self._dice.choice(("placed", "queued")))
        if row is not None:
            self.given_up.add(row.application_id)
            self._post(row.guardian_id, f"/api/enrolment/applications/{row.application_id}/withdraw", {})

    def change_a_course(self) -> None:
        """A school has one course with more or fewer seats: a fact of the catalogue that has effects."""
        _, key = self._dice.choice(self._courses)
        row = {**self._course_file[key], "capacity": str(self._dice.randint(2, 30))}
        lines = [",".join(row), ",".join('"' + value.replace('"', '""') + '"' for value in row.values())]
        with self._storages["catalogue"].unit() as unit:
            data = "\n".join(lines).encode()
            catalogue_commands.import_courses(unit, data, self._term_id, scope="19")

    def record_backlog(self, facts: int) -> None:
        """So many facts of enrolment, read by notifications alone, which say what it knows already."""
        for first in range(0, facts, 2000):
            with self._storages["enrolment"].unit() as unit:
                for n in range(first, min(first + 2000, facts)):
                    unit.record(PupilNamed(self._families[n % FAMILIES][1], f"Pupil {n % FAMILIES}"))

    def betrayed(self) -> list[str]:
        """What families were answered and is not so."""
        with self._storages["enrolment"].reading() as connection:
            rows = connection.execute(sa.select(applications.c.application_id, applications.c.state))
            states = {row.application_id: row.state for row in rows}
        findings = []
        forgotten = self.answered - states.keys()
        if forgotten:
            findings.append(f"{len(forgotten)} families were answered, and their applications are not there")
        taken_back = [id_ for id_ in self.placed - self.given_up if states.get(id_) != "placed"]
        if taken_back:
            findings.append(f"{len(taken_back)} families were told of a place that they do not have")
        return findings


def _register(unit: Unit, n: int) -> tuple[str, str]:
    """The n-th family: guardian and pupil."""
    guardian, pupil = derived_id("fault guardian", str(n)), derived_id("fault pupil", str(n))
    born = f"{unit.today.year - AGE - 1}{9 + n % 3:02d}{1 + n // 3 % 28:02d}{100 + n:03d}"
    commands.register_guardian(unit, guardian, f"Guardian {n}", HOME, None)
    new = NewPupil(pupil, with_check_digit(born), f"Pupil {n}", "Test", HOME, guardian)
    commands.register_pupil(unit, new, "tests")
    return guardian, pupil

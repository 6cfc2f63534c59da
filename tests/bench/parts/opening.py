"""The opening minute's county: 200 shared courses of 20 seats, and 10 000 families who each want one."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.enrolment.tables import courses, guardians, guardianships, pupils
from services.notifications import tables as copies

COURSES = 200
SEATS = 20
MIN_AGE, MAX_AGE = 7, 15
NOT_A_MEMBER = "1907"
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Family:
    """One guardian with one child that applies for one course."""

    number: int
    home: str
    course_id: str

    @property
    def guardian_id(self) -> str:
        return counted_id(1, self.number)

    @property
    def pupil_id(self) -> str:
        return counted_id(2, self.number)

    @property
    def application_id(self) -> str:
        return counted_id(3, self.number)

    @property
    def body(self) -> str:
        return json.dumps(
            {
                "application_id": self.application_id,
                "course_id": self.course_id,
                "pupil_id": self.pupil_id,
            }
        )


def counted_id(kind: int, number: int) -> str:
    """A UUID that pgbench can make from a number too."""
    return f"00000000-0000-4000-800{kind}-{number:012d}"


def write_county(folder: Path) -> Path:
    """The real county with its real rule books, but with as many courses as the minute needs."""
    shutil.copytree(COUNTY_FOLDER, folder)
    file = folder / "courses.csv"
    with file.open(newline="", encoding="utf-8") as handle:
        real = list(csv.DictReader(handle))
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(real[0]))
        writer.writeheader()
        writer.writerows(_course(real[n % len(real)], n) for n in range(COURSES))
    return folder


def _course(row: dict[str, str], number: int) -> dict[str, str]:
    wide = {"min_age": str(MIN_AGE), "max_age": str(MAX_AGE), "capacity": str(SEATS), "shared": "yes"}
    return {**row, **wide, "course_key": f"rush-{number:03d}"}


def families(storage: Storage, count: int) -> list[Family]:
    """From every member municipality, in a random order that is the same every time."""
    with storage.reading() as connection:
        there = list(connection.scalars(sa.select(courses.c.course_id).order_by(courses.c.course_id)))
        hosts = sorted(set(connection.scalars(sa.select(courses.c.municipality_code))))
    if len(there) != COURSES:
        raise LookupError(f"{len(there)} courses have arrived, not {COURSES}")
    found = [Family(n, hosts[n % len(hosts)], there[n % COURSES]) for n in range(count)]
    random.Random(4).shuffle(found)
    return found


def register(enrolment: Storage, everybody: list[Family], year: int) -> None:
    """Rows as enrolment's commands write them. `year` is that of the term, by which ages count."""
    for some in _batches(everybody):
        with enrolment.unit() as unit:
            unit.execute(sa.insert(guardians), [_guardian(family) for family in some])
            unit.execute(sa.insert(pupils), [_pupil(family, year, unit.now) for family in some])
            unit.execute(
                sa.insert(guardianships),
                [
                    {"guardian_id": family.guardian_id, "pupil_id": family.pupil_id, "told": True}
                    for family in some
                ],
            )


def make_known(notifications: Storage, everybody: list[Family]) -> None:
    """Rows as notifications' reactions keep them, so that every family is written to."""
    for some in _batches(everybody):
        with notifications.unit() as unit:
            unit.execute(sa.insert(copies.contacts), [_contact(family, unit.now) for family in some])
            unit.execute(
                sa.insert(copies.pupils),
                [{"pupil_id": f.pupil_id, "given_name": f"Barn{f.number}", "sequence": 0} for f in some],
            )


def _batches(everybody: list[Family]) -> Iterator[list[Family]]:
    for first in range(0, len(everybody), BATCH):
        yield everybody[first : first + BATCH]


def _guardian(family: Family) -> dict[str, object]:
    name = f"Vårdnadshavare {family.number}"
    return {"guardian_id": family.guardian_id, "name": name, "municipality_code": family.home}


def _contact(family: Family, now: object) -> dict[str, object]:
    return {
        "person_id": family.guardian_id,
        "name": f"Vårdnadshavare {family.number}",
        "email": f"family{family.number}@example.se",
        "language": "sv",
        "role": "guardian",
        "municipality_code": family.home,
        "since": now,
        "sequence": 0,
    }


def _pupil(family: Family, year: int, now: object) -> dict[str, object]:
    age = MIN_AGE + 1 + family.number % (MAX_AGE - MIN_AGE - 1)
    return {
        "pupil_id": family.pupil_id,
        "personal_identity": f"{family.number:012d}",
        "given_name": f"Barn{family.number}",
        "family_name": "Andersson",
        "born_on": date(year - age, 1 + family.number % 12, 1 + family.number % 28),
        "home_municipality": family.home,
        "protected": False,
        "alias": None,
        "registered_by": "bench",
        "registered_at": now,
    }

"""Loads a county's demo families and their applications, through the same commands as everybody's."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from services.chassis.clock import age_on, local_date
from services.chassis.ids import derived_id
from services.chassis.personal_identity import with_check_digit
from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.chassis.web.personas import Persona, read_personas
from services.enrolment import commands
from services.enrolment.admission import decide_applications
from services.enrolment.commands import Contact, NewPupil
from services.enrolment.domain.requests import ApplicationRequest
from services.enrolment.tables import applications, pupils, terms

LOADER = "demo data"
BATCH = 200


def load(storage: Storage, folder: Path) -> None:
    """Families and applications of the first term that is not over. A second load does nothing; a broken off
    one goes on. To a later term places are carried over.

    The catalogue's facts must have been handled: courses and their term are read from enrolment's copy.
    """
    applied = list(_rows(folder / "applications.csv"))
    with storage.reading() as connection:
        today = local_date(storage.clock.now())
        coming = sa.select(terms).where(terms.c.ends_on >= today).order_by(terms.c.starts_on).limit(1)
        term = connection.execute(coming).one()
        last = _application_id(applied[-1], term.term_id)
        if connection.scalar(sa.select(sa.exists().where(applications.c.application_id == last))):
            return  # they are loaded in order, so all are there
    personas = read_personas(folder / "personas.yaml")
    with storage.unit() as unit:
        for row in _rows(folder / "guardians.csv"):
            contact = Contact(row["email"] or None, row["language"])
            person = derived_id("guardian", row["guardian_key"])
            commands.register_guardian(unit, person, row["name"], row["municipality_code"], contact)
        # Their numbers follow their ages, so at another term a child would have another number.
        there = set(unit.connection.scalars(sa.select(pupils.c.pupil_id)))
        for row in _rows(folder / "pupils.csv"):
            pupil = _pupil(row, term.starts_on)
            if pupil.pupil_id not in there:
                _register_pupil(unit, pupil)
        for persona in personas:
            _register_persona(unit, persona)
    for first in range(0, len(applied), BATCH):
        with storage.unit() as unit:
            rows = applied[first : first + BATCH]
            decide_applications(unit, [_request(row, term.term_id, unit.now) for row in rows])


def _register_pupil(unit: Unit, pupil: NewPupil) -> None:
    """Who has no guardian is of age, and is written to as itself."""
    commands.register_pupil(unit, pupil, LOADER)
    if pupil.guardian_id is None:
        name = f"{pupil.given_name} {pupil.family_name}"
        contact = Contact(None, "sv", "pupil")
        commands.register_contact(unit, pupil.pupil_id, name, pupil.home_municipality, contact)


def _register_persona(unit: Unit, persona: Persona) -> None:
    """Colleagues and pupils of age can be reached too; guardians have been registered with their address."""
    if persona.role != "guardian":
        contact = Contact(persona.email, persona.language, persona.role)
        commands.register_contact(unit, persona.person_id, persona.name, persona.municipality_code, contact)


def _pupil(row: dict[str, str], term_starts_on: date) -> NewPupil:
    guardian = row["guardian_key"]
    return NewPupil(
        pupil_id=derived_id("pupil", row["pupil_key"]),
        personal_identity=_test_number(row, term_starts_on),
        given_name=row["given_name"],
        family_name=row["family_name"],
        home_municipality=row["municipality_code"],
        guardian_id=derived_id("guardian", guardian) if guardian else None,
    )


def _test_number(row: dict[str, str], term_starts_on: date) -> str:
    """A personal identity number from the series kept for tests, for who is `age` when the term starts."""
    age, month, day = int(row["age"]), int(row["birth_month"]), int(row["birth_day"])
    year = term_starts_on.year - age
    if age_on(date(year, month, day), term_starts_on) < age:
        year -= 1
    return with_check_digit(f"{year:04d}{month:02d}{day:02d}{row['serial']}")


def _application_id(row: dict[str, str], term_id: str) -> str:
    return derived_id("application", term_id, row["pupil_key"], row["course_key"])


def _request(row: dict[str, str], term_id: str, now: datetime) -> ApplicationRequest:
    pupil_key, course_key = row["pupil_key"], row["course_key"]
    midnight = datetime.combine(now.date() - timedelta(days=int(row["days_ago"])), datetime.min.time(), UTC)
    return ApplicationRequest(
        application_id=_application_id(row, term_id),
        course_id=derived_id("course", term_id, course_key),
        pupil_id=derived_id("pupil", pupil_key),
        guardian_id=None,
        by=LOADER,
        queued_at=midnight + timedelta(minutes=int(row["minute_of_day"])),
    )


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as handle:
        yield from csv.DictReader(handle)

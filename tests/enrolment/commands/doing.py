"""Asking, and seeing that a refusal has changed nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.refusals import Refusal, Refused
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.enrolment import commands
from services.enrolment.checks import check
from services.enrolment.commands import NewPupil
from services.enrolment.tables import application_events, applications, guardians, guardianships, pupils
from tests.enrolment.story import MARIA, NORRBY, count, number

EVERYTHING = (pupils, guardians, guardianships, applications, application_events, outbox)
NEW = NewPupil("new", number(date(2018, 1, 2)), "Ny", "Elev", NORRBY, MARIA)


def do(storage: Storage, command: Callable[..., Any], *arguments: Any) -> Any:
    with storage.unit() as unit:
        return command(unit, *arguments)


def register(storage: Storage, pupil: NewPupil) -> None:
    do(storage, commands.register_pupil, pupil, "a test")


def refused(storage: Storage, command: Callable[..., Any], *arguments: Any) -> Refusal:
    """Why not; and nothing has happened."""
    before = [count(storage, table) for table in EVERYTHING]
    with pytest.raises(Refused) as caught:
        do(storage, command, *arguments)
    assert [count(storage, table) for table in EVERYTHING] == before
    return caught.value.refusal


def pupil_row(storage: Storage, pupil_id: str) -> sa.Row[Any]:
    with storage.reading() as connection:
        return connection.execute(sa.select(pupils).where(pupils.c.pupil_id == pupil_id)).one()


def guardians_of(storage: Storage, pupil_id: str) -> set[str]:
    with storage.reading() as connection:
        found = sa.select(guardianships.c.guardian_id).where(guardianships.c.pupil_id == pupil_id)
        return set(connection.scalars(found))


def well(storage: Storage) -> None:
    with storage.reading() as connection:
        assert check(connection) == []

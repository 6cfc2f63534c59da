"""A municipality becomes a part of another one: its courses follow on the day, and are told anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from services.catalogue import commands, tables
from services.catalogue.queries import reference
from services.catalogue.successors import Successors
from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import MunicipalityRegistered
from tests.catalogue.conftest import Published

FIRST_DAY = date(2027, 1, 1)


def hosts(storage: Storage) -> dict[str, str]:
    with storage.reading() as connection:
        rows = connection.execute(sa.select(tables.courses.c.course_id, tables.courses.c.municipality_code))
        return {row.course_id: row.municipality_code for row in rows}


def merged(storage: Storage, gone: str, successor: str) -> MunicipalityRegistered:
    with storage.reading() as connection:
        fact = reference.municipalities(connection)[gone]
    return replace(fact, member_to=date(2026, 12, 31), succeeded_by=successor, succeeded_on=FIRST_DAY)


def test_who_lives_there_lives_in_the_successor_from_the_day(storage: Storage) -> None:
    """An old link, or a session of last year, still says the old code."""
    gone, successor = sorted(set(hosts(storage).values()))[:2]
    with storage.unit() as unit:
        commands.register_municipality(unit, merged(storage, gone, successor))
    with storage.reading() as connection:
        assert reference.municipality(connection, gone, date(2026, 12, 31)).code == gone
        assert reference.municipality(connection, gone, FIRST_DAY).code == successor


def test_courses_follow_on_the_day(storage: Storage, clock: FixedClock, published: Published) -> None:
    before = hosts(storage)
    gone, successor = sorted(set(before.values()))[:2]
    with storage.unit() as unit:
        assert commands.register_municipality(unit, merged(storage, gone, successor))
    published()
    Successors(storage).run_once()
    assert hosts(storage) == before
    clock.time = datetime(2027, 1, 1, 9, tzinfo=UTC)
    Successors(storage).run_once()
    theirs = {course_id for course_id, host in before.items() if host == gone}
    assert theirs
    assert hosts(storage) == {key: successor if key in theirs else host for key, host in before.items()}
    told = published()
    assert {(name, data["course_id"], data["municipality_code"]) for name, data in told} == {
        ("course_published", course_id, successor) for course_id in theirs
    }
    Successors(storage).run_once()
    assert published() == []

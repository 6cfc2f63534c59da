"""A pupil's identity comes under protection after it was registered, and one day no longer is."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import (
    ApplicationEnded,
    GuardianshipChanged,
    PlaceGiven,
    PupilMoved,
    PupilNamed,
    PupilProtectionChanged,
)
from services.enrolment import checks, commands, life, protection, queries
from services.enrolment.pricer import price_places
from services.enrolment.tables import guardianships, pupils
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    MARIA,
    SAMIRA,
    SODERBY,
    TODAY,
    decide,
    facts,
    request,
    rows_of,
)

BY = "staff:1901:Karin Berg"


def protect(storage: Storage, alias: str = "Eken", pupil_id: str = "alma") -> None:
    with storage.unit() as unit:
        protection.protect_pupil(unit, pupil_id, alias, BY, why="Decision of the tax agency")


def end(storage: Storage) -> None:
    with storage.unit() as unit:
        protection.end_protection(unit, "alma", BY, why="It has ended")


def connect(storage: Storage, guardian: str = SAMIRA) -> None:
    with storage.unit() as unit:
        life.connect_guardian(unit, "alma", guardian, BY, why="the other guardian")


def guardians(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        mine = sa.select(guardianships.c.guardian_id).where(guardianships.c.pupil_id == "alma")
        return list(connection.scalars(mine))


def application(storage: Storage) -> Any:
    with storage.reading() as connection:
        return queries.application(connection, "a1", TODAY)


@both
def test_place_and_dates_are_kept_and_every_guardian_s_access_ends(storage: Storage) -> None:
    connect(storage)
    decide(storage, request("a1"))
    row = rows_of(storage)["a1"]
    protect(storage)
    protect(storage)  # a second click
    after = rows_of(storage)["a1"]
    assert (after.state, after.queued_at) == (row.state, row.queued_at)
    assert (after.guardian_id, guardians(storage)) == ("alma", [])
    assert application(storage).pupil.name == "Eken"
    assert application(storage).guardian_name is None
    told = [fact for fact in facts(storage, GuardianshipChanged) if fact.pupil_id == "alma"]
    assert sorted((fact.guardian_id, fact.sees) for fact in told[-2:]) == [(MARIA, False), (SAMIRA, False)]
    assert facts(storage, PupilProtectionChanged) == [PupilProtectionChanged("alma", is_protected=True)]
    with storage.reading() as connection:
        assert checks.check(connection) == []


def test_facts_say_from_then_on_neither_who_nor_from_where(storage: Storage) -> None:
    decide(storage, request("a1"))
    protect(storage)
    with storage.unit() as unit:
        life.move_pupil(unit, "alma", SODERBY, TODAY, BY, why="moved")
        price_places(unit, 10)
    with storage.unit() as unit:
        commands.withdraw(unit, "a1", BY)
    (ended,) = facts(storage, ApplicationEnded)
    assert (ended.guardian_id, ended.other_guardians) == (None, ())
    assert facts(storage, PupilMoved) == []


def test_the_prices_of_the_family_are_said_anew(storage: Storage) -> None:
    decide(storage, request("a1"))
    with storage.unit() as unit:
        price_places(unit, 10)
    assert rows_of(storage)["a1"].priced
    protect(storage)
    assert not rows_of(storage)["a1"].priced


def test_another_alias_takes_the_place_of_the_first(storage: Storage) -> None:
    protect(storage)
    protect(storage, "Björken")
    with storage.reading() as connection:
        assert connection.scalar(sa.select(pupils.c.alias).where(pupils.c.pupil_id == "alma")) == "Björken"
    assert len(facts(storage, PupilProtectionChanged)) == 1


def test_after_the_end_the_name_is_shown_and_a_guardian_is_connected_anew(storage: Storage) -> None:
    with pytest.raises(Refused) as refused:
        end(storage)
    assert refused.value.refusal.name == "pupil_is_not_protected"
    decide(storage, request("a1"))
    protect(storage)
    end(storage)
    assert [fact.is_protected for fact in facts(storage, PupilProtectionChanged)] == [True, False]
    assert [fact for fact in facts(storage, PupilNamed) if fact.pupil_id == "alma"][-1].given_name == "Alma"
    assert application(storage).pupil.name == "Alma Hellström"
    connect(storage, MARIA)
    answers = decide(storage, request("a2", "dance"))
    assert [getattr(each, "state", each) for each in answers] == ["placed"]
    assert facts(storage, PlaceGiven)[-1].home_municipality is not None

"""Who is told about a child: every guardian, from 18 the pupil itself, and of a protected one nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import (
    ApplicationEnded,
    ApplicationQueued,
    GuardianshipChanged,
    PlaceGiven,
    PlaceOffered,
)
from services.contracts.fact import Fact
from services.contracts.rule_book import Answering
from services.enrolment import commands, life
from services.enrolment.expiry import OfferExpiry
from services.enrolment.tables import guardianships, pupils
from tests.enrolment.commands.doing import NEW
from tests.enrolment.conftest import both
from tests.enrolment.rollover.story import autumn_comes, run
from tests.enrolment.story import (
    MARIA,
    NORRBYS_RULES,
    SAMIRA,
    children,
    decide,
    facts,
    number,
    request,
    tell,
)

ABOUT = (PlaceGiven, ApplicationQueued, PlaceOffered, ApplicationEnded)


def connect(storage: Storage, guardian: str = SAMIRA) -> None:
    with storage.unit() as unit:
        life.connect_guardian(unit, "alma", guardian, "staff:1901:S", why="the other guardian")


def read_by(storage: Storage, *kinds: type[Fact], pupil: str = "alma") -> list[tuple[str, Any, Any]]:
    """Of each fact about the pupil: its name, who applied, and who else reads of it."""
    return [
        (fact.NAME, fact.guardian_id, fact.other_guardians)
        for fact in facts(storage, *kinds)
        if fact.pupil_id == pupil
    ]


def alma_waits(storage: Storage) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, answering=Answering(7))))
    first, second = children(storage, 2)
    decide(storage, request("p0", pupil_id=first), request("p1", pupil_id=second))
    decide(storage, request("a1"))


@both
def test_both_guardians_read_of_all_that_happens(storage: Storage) -> None:
    connect(storage)
    alma_waits(storage)
    with storage.unit() as unit:
        commands.withdraw(unit, "p0", "the tests")
    with storage.unit() as unit:
        commands.accept_offer(unit, "a1", "guardian:Maria")
    autumn_comes(storage)
    run(storage)
    with storage.unit() as unit:
        commands.withdraw(unit, "a1", "guardian:Maria")
    assert read_by(storage, *ABOUT) == [
        ("application_queued", MARIA, (SAMIRA,)),
        ("place_offered", MARIA, (SAMIRA,)),
        ("place_given", MARIA, (SAMIRA,)),
        ("place_given", MARIA, (SAMIRA,)),  # in the autumn
        ("application_ended", MARIA, (SAMIRA,)),
    ]
    assert {others for _, _, others in read_by(storage, *ABOUT, pupil="child-1901-0001")} == {()}


def test_who_applied_first_is_the_one_whoever_is_connected_later(storage: Storage) -> None:
    decide(storage, request("a1"))
    connect(storage)
    with storage.unit() as unit:
        commands.withdraw(unit, "a1", "guardian:Samira")
    assert read_by(storage, *ABOUT) == [
        ("place_given", MARIA, ()),
        ("application_ended", MARIA, (SAMIRA,)),
    ]


def test_from_18_the_pupil_alone_and_of_a_protected_one_nobody(storage: Storage) -> None:
    connect(storage)
    alma_waits(storage)
    with storage.unit() as unit:
        unit.execute(sa.update(pupils).where(pupils.c.pupil_id == "alma").values(born_on=date(2008, 1, 1)))
        commands.withdraw(unit, "p0", "the tests")
    with storage.unit() as unit:
        unit.execute(
            sa.update(pupils).where(pupils.c.pupil_id == "alma").values(protected=True, alias="Eken")
        )
        commands.withdraw(unit, "a1", "the tests")
    assert read_by(storage, PlaceOffered, ApplicationEnded) == [
        ("place_offered", "alma", ()),
        ("application_ended", None, ()),
    ]


class TestCalendars:
    """What notifications is told of whose calendar has a child's places."""

    def told(self, storage: Storage, pupil: str = "alma") -> list[tuple[str, bool]]:
        return [
            (fact.guardian_id, fact.sees)
            for fact in facts(storage, GuardianshipChanged)
            if fact.pupil_id == pupil
        ]

    @both
    def test_at_once_and_once(self, storage: Storage) -> None:
        before = self.told(storage)
        connect(storage)
        connect(storage)
        OfferExpiry(storage).run_once()
        assert self.told(storage) == [*before, (SAMIRA, True)]
        assert before == [(MARIA, True)]  # as she registered the child

    @both
    def test_until_the_18th_birthday(self, storage: Storage, clock: FixedClock) -> None:
        connect(storage)
        with storage.unit() as unit:
            unit.execute(
                sa.update(pupils).where(pupils.c.pupil_id == "alma").values(born_on=date(2008, 11, 25))
            )
        OfferExpiry(storage).run_once()
        assert len(self.told(storage)) == 2  # tomorrow
        clock.time += timedelta(days=1)
        OfferExpiry(storage).run_once()
        OfferExpiry(storage).run_once()
        assert sorted(self.told(storage)[2:]) == [(MARIA, False), (SAMIRA, False)]

    def test_nobody_of_a_protected_pupil(self, storage: Storage) -> None:
        new = replace(NEW, personal_identity=number(date(2017, 1, 2)), guardian_id=MARIA, alias="Eken")
        with storage.unit() as unit:
            commands.register_pupil(unit, new, "the tests")
        OfferExpiry(storage).run_once()
        assert self.told(storage, "new") == []
        with storage.unit() as unit:
            unit.execute(
                sa.update(pupils).where(pupils.c.pupil_id == "alma").values(protected=True, alias="Eken")
            )
        OfferExpiry(storage).run_once()
        assert self.told(storage) == [(MARIA, True), (MARIA, False)]

    def test_those_that_were_there_before_it_could_be_told(self, storage: Storage) -> None:
        with storage.unit() as unit:
            unit.execute(sa.update(guardianships).values(told=None))
        before = len(facts(storage, GuardianshipChanged))
        OfferExpiry(storage).run_once()
        everybody = facts(storage, GuardianshipChanged)[before:]
        with storage.reading() as connection:
            rows = connection.execute(sa.select(guardianships)).all()
        assert sorted((fact.pupil_id, fact.guardian_id) for fact in everybody) == sorted(
            (row.pupil_id, row.guardian_id) for row in rows
        )
        assert all(row.told for row in rows)

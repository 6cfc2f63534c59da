"""What happened between the run that counts and its publication."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import PlaceGiven
from services.contracts.rule_book import Limits
from services.enrolment import ceilings, commands
from services.enrolment.checks import check
from services.enrolment.rounds import queries
from services.enrolment.tables import applications, courses, pupils
from tests.enrolment.conftest import both
from tests.enrolment.rounds.story import open_round, publish, rank, rules, run, schools_give_places_in_rounds
from tests.enrolment.story import (
    CANCELLED,
    FIDDLE,
    MARIA,
    NORRBY,
    SAMIRA,
    SODERBY,
    children,
    decide,
    facts,
    names,
    request,
    rows_of,
    seats,
    tell,
)


@pytest.fixture(autouse=True)
def _rounds(storage: Storage) -> None:
    schools_give_places_in_rounds(storage)


def now(storage: Storage, pupil_id: str) -> dict[str, str]:
    """State by course of a pupil's applications; of an ended one its outcome."""
    mine = (row for row in rows_of(storage).values() if row.pupil_id == pupil_id)
    return {row.course_id: row.outcome or row.state for row in mine}


def told(storage: Storage, pupil_id: str) -> list[tuple[str, str, str | None]] | None:
    with storage.reading() as connection:
        assert check(connection) == []  # the run still follows from its input
        return queries.explanation_of(connection, "r1", pupil_id)


def singly(storage: Storage, *course_ids: str) -> None:
    """Courses whose round is over give seats singly."""
    with storage.unit() as unit:
        mine = courses.c.course_id.in_(course_ids)
        unit.execute(sa.update(courses).where(mine).values(round_over=True))


@both
@pytest.mark.parametrize(("limits", "name"), [(Limits(courses=1), "too_many_courses"), (Limits(), None)])
def test_a_place_got_meanwhile_counts(storage: Storage, limits: Limits, name: str | None) -> None:
    rules(storage, limits=limits)
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle"])
    (other,) = children(storage, 1, NORRBY, MARIA)
    rank(storage, MARIA, [other], ["fiddle"])
    run(storage)
    singly(storage, "dance")
    assert names(decide(storage, request("a1", "dance", "alma"))) == ["placed"]
    publish(storage)
    assert now(storage, other) == {"fiddle": "placed"}
    if name is None:
        assert now(storage, "alma") == {"dance": "placed", "fiddle": "placed"}
    else:
        assert now(storage, "alma") == {"dance": "placed"}
        assert told(storage, "alma") == [("fiddle", "refused", name)]
        assert seats(storage) == (2, 1, 0)


@both
def test_a_course_cancelled_meanwhile_gives_no_place(storage: Storage) -> None:
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle"])
    run(storage)
    tell(storage, CANCELLED)
    publish(storage)
    assert now(storage, "alma") == {}
    assert told(storage, "alma") == [("fiddle", "refused", "course_unknown")]


@both
def test_where_seats_are_gone_meanwhile_the_first_in_order_get_those_that_are_left(storage: Storage) -> None:
    rules(storage, order=("host_residents_first",))
    open_round(storage)
    rank(storage, SAMIRA, ["noor"], ["fiddle"])
    rank(storage, MARIA, ["alma"], ["fiddle"])
    first = children(storage, 1, SODERBY, SAMIRA)
    rank(storage, SAMIRA, first, ["circus"])
    run(storage)
    tell(storage, replace(FIDDLE, capacity=1))
    publish(storage)
    assert now(storage, "alma") == {"fiddle": "placed"}
    assert now(storage, "noor") == {"fiddle": "queued"}
    assert told(storage, "noor") == [("fiddle", "full", None)]


def test_a_ceiling_set_meanwhile_holds(storage: Storage) -> None:
    open_round(storage)
    rank(storage, SAMIRA, ["noor"], ["fiddle"])
    run(storage)
    with storage.unit() as unit:
        ceilings.set_ceiling(unit, SODERBY, "vt27", "a test", most_places=0, most_ore=None)
    publish(storage)
    assert now(storage, "noor") == {"fiddle": "queued"}
    assert told(storage, "noor") == [("fiddle", "ceiling", None)]


@both
def test_one_instrument_ends_the_waits_for_others(storage: Storage) -> None:
    tell(storage, replace(FIDDLE, course_id="cello", weekday=2, capacity=1))
    rules(storage, limits=Limits(one_instrument=True))
    singly(storage, "cello")
    (other,) = children(storage, 1, NORRBY, MARIA)
    answers = decide(storage, request("x1", "cello", other), request("x2", "cello", "alma"))
    assert names(answers) == ["placed", "queued 1"]
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle"])
    run(storage)
    publish(storage)
    assert now(storage, "alma") == {"fiddle": "placed", "cello": "one_instrument"}
    assert seats(storage, "cello") == (1, 1, 0)


def _of_age(storage: Storage) -> None:
    with storage.unit() as unit:
        born = datetime(2008, 1, 1, tzinfo=UTC).date()
        unit.execute(sa.update(pupils).where(pupils.c.pupil_id == "leo").values(born_on=born))


def _protected(storage: Storage) -> None:
    with storage.unit() as unit:
        mine = pupils.c.pupil_id == "leo"
        unit.execute(sa.update(pupils).where(mine).values(protected=True, alias="Lejon"))


@pytest.mark.parametrize(
    ("change", "applied", "letters"), [(_of_age, "leo", "leo"), (_protected, MARIA, None)]
)
def test_letters_go_to_whom_they_go_by_now(
    storage: Storage, change: Callable[[Storage], None], applied: str, letters: str | None
) -> None:
    open_round(storage)
    rank(storage, MARIA, ["leo"], ["circus"])
    run(storage)
    change(storage)
    publish(storage)
    (row,) = rows_of(storage).values()
    (fact,) = facts(storage, PlaceGiven)
    assert (row.guardian_id, fact.guardian_id) == (applied, letters)


def test_from_18_nobody_ranks_for_a_pupil_but_itself(storage: Storage) -> None:
    open_round(storage)
    _of_age(storage)
    with pytest.raises(Refused):
        rank(storage, MARIA, ["leo"], ["circus"])
    rank(storage, "leo", ["leo"], ["circus"])


def test_who_withdrew_a_wait_after_the_run_has_the_place_it_ranked_for(storage: Storage) -> None:
    singly(storage, "circus")
    (other,) = children(storage, 1, SODERBY, SAMIRA)
    decide(storage, request("a1", "circus", other), request("a2", "circus", "noor"))
    with storage.unit() as unit:
        commands.withdraw(unit, "a2", "a test")
    open_round(storage)
    rank(storage, SAMIRA, ["noor"], ["fiddle"])
    run(storage)
    publish(storage)
    publish(storage)
    assert now(storage, "noor") == {"circus": "withdrawn", "fiddle": "placed"}


@both
def test_siblings_who_came_together_wait_together(storage: Storage) -> None:
    pair = children(storage, 2, NORRBY, MARIA)
    open_round(storage)
    rank(storage, MARIA, pair, ["circus"])
    run(storage)
    publish(storage)
    with storage.reading() as connection:
        parties = set(connection.scalars(sa.select(applications.c.party_id)))
    assert len(parties) == 1
    assert None not in parties


def test_every_course_of_the_round_gives_its_seats_singly_afterwards(
    storage: Storage, clock: FixedClock
) -> None:
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle"])
    run(storage)
    publish(storage)
    assert names(decide(storage, request("a1", "dance", "alma"))) == ["placed"]  # nobody had ranked it
    open_round(storage, "r2")
    assert names(decide(storage, request("a2", "circus", "noor"))) == ["course_has_round"]


def test_two_records_of_one_child_are_one_place(storage: Storage) -> None:
    open_round(storage)
    twins = children(storage, 2, NORRBY, MARIA)
    for each in twins:
        rank(storage, MARIA, [each], ["fiddle"])
    run(storage)
    with storage.unit() as unit:
        gone = pupils.c.pupil_id == twins[0]
        unit.execute(sa.update(pupils).where(gone).values(merged_into=twins[1]))
    publish(storage)
    assert [row.pupil_id for row in rows_of(storage).values()] == [twins[1]]
    assert json.loads(next(iter(rows_of(storage).values())).explanation)["round"] == "r1"

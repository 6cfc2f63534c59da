"""A rollover is as many statements for many places as for few, and what it does is what its dry run says."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.contracts.enrolment import PlaceGiven, PlaceOffered
from services.contracts.rule_book import Answering, CarryOver
from services.enrolment import checks, next_term
from services.enrolment.rollover.loading import next_application_id
from services.enrolment.tables import applications
from tests.enrolment.conftest import both
from tests.enrolment.rollover.story import NEXT_DANCE, NEXT_FIDDLE, autumn_comes, dry_run, run
from tests.enrolment.story import DANCE, FIDDLE, NORRBY, children, decide, facts, request, tell


def statements(storage: Storage) -> list[str]:
    """The statements of one rollover."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(storage.engine, "before_cursor_execute", note)
    run(storage)
    sa.event.remove(storage.engine, "before_cursor_execute", note)
    return seen


@pytest.mark.parametrize(("places", "waiting"), [(3, 2), (60, 40)])
def test_the_number_of_statements_does_not_grow(storage: Storage, places: int, waiting: int) -> None:
    tell(storage, replace(FIDDLE, capacity=places))
    ids = children(storage, places + waiting)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    autumn_comes(storage, replace(NEXT_FIDDLE, capacity=places + 1))
    assert len(statements(storage)) <= 46
    assert len(facts(storage, PlaceGiven)) == 2 * places
    assert len(facts(storage, PlaceOffered)) == 1


STATES = {"continues": "placed", "confirm": "offered", "offered": "offered", "waits": "queued"}


@both
@pytest.mark.parametrize("seed", range(4))
def test_the_run_does_what_the_dry_run_says(storage: Storage, seed: int) -> None:
    """Two courses, random wishes and answers, every kind of rule book."""
    chance = random.Random(seed)
    tell(storage, replace(FIDDLE, capacity=6), replace(DANCE, capacity=4))
    ids = children(storage, 20, NORRBY)
    wishes = [(course, pupil) for pupil in ids for course in ("fiddle", "dance") if chance.random() < 0.6]
    decide(storage, *(request(f"a{n}", *wish) for n, wish in enumerate(wishes)))
    carry = CarryOver(
        places=chance.choice(["continue", "confirm"]), queue=chance.choice(["continue", "confirm", "end"])
    )
    next_dance = replace(NEXT_DANCE, capacity=chance.choice([2, 6]))
    autumn_comes(
        storage, replace(NEXT_FIDDLE, capacity=5), next_dance, carry_over=carry, answering=Answering(7)
    )
    for n in range(len(wishes)):
        if chance.random() < 0.2 and _placed(storage, f"a{n}"):
            with storage.unit() as unit:
                next_term.give_up(unit, f"a{n}", "the family")
    planned = dry_run(storage)
    run(storage)
    with storage.reading() as connection:
        rows = {row.application_id: row for row in connection.execute(sa.select(applications))}
        assert checks.check(connection) == []
    for effect in planned.effects:
        old, new = rows[effect.application_id], rows.get(next_application_id("ht27", effect.application_id))
        became = new if old.course_id == effect.from_course else old
        if effect.kind == "ends":
            assert new is None
            assert old.state in ("placed", "ended")
        elif effect.kind != "stays":
            assert became is not None
            assert (became.course_id, became.state) == (effect.to_course, STATES[effect.kind])
            assert became.queued_at == old.queued_at
    assert {each.kind for each in dry_run(storage).effects} <= {"stays", "ends"}


def _placed(storage: Storage, application_id: str) -> bool:
    with storage.reading() as connection:
        mine = applications.c.application_id == application_id
        return connection.scalar(sa.select(applications.c.state).where(mine)) == "placed"

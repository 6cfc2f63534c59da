"""Says what places cost: a moment after they were given, and again whenever it has become another price.

A place's price hangs on the whole family's places, so it is reckoned here and not while families wait for
an answer. Whatever may change it takes away the mark `priced` (`pricing.price_anew`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import PlacePriced
from services.contracts.price import full_price
from services.enrolment import pricing, repository
from services.enrolment.domain.admission import CourseState
from services.enrolment.tables import applications, pupils

AT_A_TIME = 200
REST_SECONDS = 1.0


class Pricer:
    """`rests` says whether families wait for their answers at the moment: prices can come a little later."""

    def __init__(self, storage: Storage, rests: Callable[[float], bool]) -> None:
        self._storage = storage
        self._rests = rests

    def run_once(self) -> float:
        """Seconds to rest, 0 while more may be due."""
        if self._rests(time.monotonic()):
            return REST_SECONDS
        with self._storage.unit() as unit:
            return 0.0 if price_places(unit, AT_A_TIME) == AT_A_TIME else REST_SECONDS


def price_places(unit: Unit, most: int) -> int:
    """Price `most` places that are due, and their families' other ones; how many were due."""
    due = unit.connection.execute(
        sa.select(applications.c.pupil_id)
        .where(applications.c.state == "placed", ~applications.c.priced)
        .order_by(applications.c.application_id)
        .limit(most)
    ).all()
    if not due:
        return 0
    people = set(pricing.families_of(unit.connection, {row.pupil_id for row in due}).engagements)
    # What another transaction holds is left to the next time, so that nobody ever waits for the two of us.
    rows = unit.rows(
        sa.select(applications)
        .where(applications.c.pupil_id.in_(people), applications.c.state == "placed")
        .order_by(applications.c.application_id)
        .with_for_update(skip_locked=True)
    )
    # Read when the rows are ours, and with the brothers and sisters of those too.
    family = pricing.families_of(unit.connection, people)
    known = repository.known_municipalities(unit.connection)
    states = {
        row.course_id: repository.course_state(row, known)
        for row in unit.rows(repository.course_rows({row.course_id for row in rows}))
    }
    pupil_rows = {
        row.pupil_id: row for row in unit.rows(sa.select(pupils).where(pupils.c.pupil_id.in_(people)))
    }
    said = {
        row.application_id: _say(unit, row, pupil_rows[row.pupil_id], states[row.course_id], family)
        for row in rows
    }
    # One UPDATE a row: at a second one in the same transaction PostgreSQL locks its pupil and course anew,
    # and waits for whoever has locked those and waits for the row.
    changed = [
        {"id": row.application_id, "said": said[row.application_id]}
        for row in rows
        if not row.priced or said[row.application_id] != row.price
    ]
    if changed:
        unit.execute(_SAID, changed)
    return len(due)


_SAID = (
    sa.update(applications)
    .where(applications.c.application_id == sa.bindparam("id"))
    .values(price=sa.bindparam("said"), priced=True)
)


def _say(
    unit: Unit, row: sa.Row[Any], pupil: sa.Row[Any], course: CourseState, family: pricing.Family
) -> str | None:
    """What is said of the price by now. Recorded where it is another one than was said last; where the rule
    book names none, what was said stands."""
    joined_on, chosen = pricing.joined_on(row), pricing.chosen_with(row)
    facts = pricing.price_facts(family, pupil, course, row.application_id, joins_on=joined_on, chosen=chosen)
    price = full_price(course.terms, course.rule_book, facts)
    if price is None:
        return cast(str | None, row.price)
    fact = PlacePriced(
        application_id=row.application_id,
        course_id=row.course_id,
        pupil_id=row.pupil_id,
        guardian_id=None if pupil.protected else row.guardian_id,
        home_municipality=None if pupil.protected else row.home_municipality,
        host_municipality=course.terms.host.code,
        term_id=course.term_id,
        rule_book_id=course.rule_book.rule_book_id,
        lines=price.lines,
        total_ore=price.total_ore,
        child_number=facts.child_number,
        course_number=facts.course_number,
        rents=row.rents,
        rental_ore=price.rental_ore,
        voucher_ore=price.voucher_ore,
        priced_at=unit.now,
    )
    said = {name: value for name, value in fact.dump().items() if name != "priced_at"}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    if text != row.price:
        unit.record(fact)
    return text

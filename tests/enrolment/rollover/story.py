"""The small county one term on: Norrby's and Söderby's courses of spring 2027 continue in the autumn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.contracts.catalogue import CoursePublished, RuleBookPublished, TermOpened
from services.contracts.fact import LocalText
from services.contracts.rule_book import CarryOver
from services.contracts.rule_dates import TermDays
from services.enrolment.domain.rollover import Plan, plan
from services.enrolment.rollover.commands import NewRollover, carry_over
from services.enrolment.rollover.loading import Loaded, load
from services.enrolment.tables import applications
from tests.enrolment.story import CIRCUS, DANCE, FIDDLE, NORRBY, NORRBYS_RULES, TODAY, tell

AUTUMN = TermOpened(
    "ht27", LocalText("Höstterminen 2027", "Autumn 2027"), date(2027, 8, 30), date(2027, 12, 17), None, None
)
LUNDS_WAY = CarryOver(
    places="confirm",
    queue="confirm",
    confirm_from=TermDays(autumn="04-01"),
    confirm_by=TermDays(autumn="05-01"),
)
STAFF = "staff:1901:Test"


def in_autumn(course: CoursePublished, **changes: Any) -> CoursePublished:
    values = {
        "course_id": f"{course.course_id}-ht27",
        "term_id": "ht27",
        "first_lesson_on": date(2027, 9, 4),
        "last_lesson_on": date(2027, 12, 11),
        "continues": course.course_id,
        **changes,
    }
    return replace(course, **values)


NEXT_FIDDLE, NEXT_CIRCUS, NEXT_DANCE = in_autumn(FIDDLE), in_autumn(CIRCUS), in_autumn(DANCE)


def autumn_comes(storage: Storage, *courses: CoursePublished, **rules: Any) -> None:
    """The term, its courses (the fiddle's where none is said) and, where changed, Norrby's rules."""
    if rules:
        tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, **rules)))
    tell(storage, AUTUMN, *(courses or (NEXT_FIDDLE,)))


def looked_at(storage: Storage, scope: str = NORRBY, today: date = TODAY) -> Loaded:
    with storage.reading() as connection:
        return load(connection, "ht27", scope, today)


def dry_run(storage: Storage, scope: str = NORRBY, today: date = TODAY) -> Plan:
    return plan(looked_at(storage, scope, today).given)


def run(storage: Storage, rollover_id: str = "r1", *, scope: str = NORRBY, digest: str | None = None) -> None:
    """As it was just looked at."""
    with storage.unit() as unit:
        if digest is None:
            digest = load(unit.connection, "ht27", scope, unit.today).given.digest
        carry_over(unit, NewRollover(rollover_id, "ht27", scope, digest, "the term ends"), STAFF)


def said(effects: Sequence[Any]) -> dict[str, tuple[str, str]]:
    """Kind and reason by application id."""
    return {each.application_id: (each.kind, each.reason) for each in effects}


def by_pupil(storage: Storage, course_id: str = "fiddle-ht27") -> dict[str, str]:
    """State by pupil; of an ended application its outcome."""
    with storage.reading() as connection:
        rows = connection.execute(sa.select(applications).where(applications.c.course_id == course_id))
        return {row.pupil_id: row.outcome or row.state for row in rows}

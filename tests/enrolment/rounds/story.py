"""The small county with schools that give places in rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_book import Ordering
from services.enrolment.rounds import commands
from services.enrolment.rounds.commands import NewRound, Ranking
from services.enrolment.tables import round_results
from tests.enrolment.story import NORRBYS_RULES, SODERBYS_RULES, tell

STAFF = "staff:19:test"


def schools_give_places_in_rounds(storage: Storage) -> None:
    for rules in (NORRBYS_RULES, SODERBYS_RULES):
        book = replace(rules, admission="round", ordering=Ordering(siblings_together=True))
        tell(storage, RuleBookPublished(rules.rule_book_id, book))


def rules(storage: Storage, **changes: Any) -> None:
    """Norrby's rule book, changed."""
    book = replace(NORRBYS_RULES, **{"admission": "round", **changes})
    tell(storage, RuleBookPublished("norrby-2024", book))


def results(storage: Storage, run_id: str = "run1") -> dict[str, str | None]:
    """The course by pupil, None for who has none."""
    with storage.reading() as connection:
        rows = connection.execute(sa.select(round_results).where(round_results.c.run_id == run_id))
        return {row.pupil_id: row.course_id for row in rows}


def open_round(storage: Storage, round_id: str = "r1", scope: str = "19", **reserved: int) -> None:
    seats = {code.removeprefix("m"): number for code, number in reserved.items()}
    with storage.unit() as unit:
        commands.open_round(unit, NewRound(round_id, "vt27", scope, 3, "a seed", seats), STAFF)


def rank(
    storage: Storage, guardian: str, pupils: Sequence[str], courses: Sequence[str], round_id: str = "r1"
) -> None:
    with storage.unit() as unit:
        commands.rank_courses(
            unit, Ranking(round_id, tuple(pupils), tuple(courses), guardian, f"guardian:{guardian}")
        )


def run(storage: Storage, run_id: str = "run1", kind: str = commands.FINAL) -> None:
    with storage.unit() as unit:
        commands.run_round(unit, "r1", run_id, kind, STAFF)


def publish(storage: Storage) -> None:
    with storage.unit() as unit:
        commands.publish_round(unit, "r1", STAFF)


def refused(action: Callable[[], object]) -> str:
    """The name of the refusal."""
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.refusal.name

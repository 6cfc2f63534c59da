"""A run's result as rows: tens of thousands at once, written the way the database takes them fastest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.chassis.storage.unit import Unit


class Result(NamedTuple):
    """`wish` counts from 1; neither course nor wish where the pupil got no place. `explanation` is JSON."""

    pupil_id: str
    course_id: str | None
    wish: int | None
    explanation: str


_INTO = "INSERT INTO round_results (run_id, pupil_id, course_id, wish, explanation)"
# One statement with four arrays: a tenth of the time of as many rows of values.
_POSTGRESQL = f"{_INTO} SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[])"
_SQLITE = f"{_INTO} VALUES (?, ?, ?, ?, ?)"


def insert_results(unit: Unit, run_id: str, results: Sequence[Result]) -> None:
    if not results:
        return
    if unit.connection.dialect.name == "sqlite":
        unit.connection.exec_driver_sql(_SQLITE, [(run_id, *result) for result in results])
    else:
        columns = [list(column) for column in zip(*results, strict=True)]
        unit.connection.exec_driver_sql(_POSTGRESQL, (run_id, *columns))

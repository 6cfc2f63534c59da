"""The admission round: children who rank five courses each, placed at once, loading and saving included.

20 000 children and 1 000 courses of 20 seats are what a large county would have; the sizes around it show how
it grows. Half of the schools give their own pupils a part of the seats first, some children come as siblings.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.contracts.catalogue import RuleBookPublished
from services.enrolment.checks import check
from services.enrolment.rounds.commands import FINAL, run_round
from services.enrolment.tables import courses, round_results, rounds
from tests.conftest import POSTGRES, on_postgres
from tests.enrolment.story import CATALOGUE, FIDDLE, NORRBY, NORRBYS_RULES, NOW, SODERBY, SODERBYS_RULES, tell

SIZES = (1_000, 5_000, 20_000, 100_000)
SEATS, WISHES = 20, 5
WRITE_AT_ONCE = 20_000
TYPES = {"position": "int", "born_on": "date", "registered_at": "timestamptz", "ranked_at": "timestamptz"}
SIBLINGS = 0.03  # of the parties


def main() -> None:
    figures: dict[str, Any] = {"bench": "round"}
    for size in SIZES:
        seconds, without = measure(size)
        figures[f"seconds_{size}"] = round(seconds, 2)
        figures[f"without_place_{size}"] = without
        print(f"round: {size} children in {seconds:.2f} s, {without} without", file=sys.stderr)
    # How much longer a child takes among many than among few: 1 would be linear.
    few, many = SIZES[1], SIZES[-1]
    growth = figures[f"seconds_{many}"] / many / (figures[f"seconds_{few}"] / few)
    figures["growth_a_child"] = round(growth, 2)
    figures["check"] = "ok"
    print(json.dumps(figures), flush=True)


def measure(size: int) -> tuple[float, int]:
    """Seconds from locking the round to the commit of its result, and how many have no place."""
    template, name = os.environ[POSTGRES], f"round_{size}"
    on_postgres(template, f'CREATE DATABASE "{name}"')
    storage = Storage(template.replace("{database}", name), FixedClock(NOW))
    migrate(storage, "enrolment")
    tell(storage, *CATALOGUE)
    for rules in (NORRBYS_RULES, SODERBYS_RULES):
        tell(storage, RuleBookPublished(rules.rule_book_id, replace(rules, admission="round")))
    fill(storage, size)
    began = time.perf_counter()
    with storage.unit() as unit:
        run_round(unit, "bench", "run", FINAL, "bench")
    seconds = time.perf_counter() - began
    with storage.reading() as connection:
        wrong = check(connection)
        without = connection.scalar(
            sa.select(sa.func.count()).select_from(round_results).where(round_results.c.course_id.is_(None))
        )
    storage.close()
    on_postgres(template, f'DROP DATABASE "{name}" WITH (FORCE)')
    if wrong:
        raise AssertionError(wrong)
    return seconds, without or 0


def fill(storage: Storage, size: int) -> None:
    dice = random.Random(size)
    number = size // SEATS
    with storage.unit() as unit:
        unit.execute(sa.delete(courses))
        unit.execute(sa.insert(courses), [_course(n) for n in range(number)])
        unit.execute(
            sa.insert(rounds).values(
                round_id="bench",
                term_id="vt27",
                scope="19",
                most_wishes=WISHES,
                seed="bench",
                reserved=json.dumps({NORRBY: 2, SODERBY: 2}),
                state="open",
                opened_by="bench",
                opened_at=NOW,
            )
        )
    parties = list(_parties(size, dice))
    write = _writer(storage)
    when = NOW.isoformat()
    write(
        "pupils (pupil_id, given_name, family_name, born_on, "
        "home_municipality, registered_by, registered_at)",
        ((p, "Barn", "Andersson", "2017-06-01", home, "bench", when) for ps, home in parties for p in ps),
    )
    write(
        "round_rankings (round_id, pupil_id, party_id, guardian_id, ranked_by, ranked_at)",
        (("bench", p, ps[0], f"g{ps[0]}", "bench", when) for ps, _ in parties for p in ps),
    )
    write("round_wishes (round_id, pupil_id, position, course_id)", _wishes(parties, number, dice))
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


def _course(number: int) -> dict[str, Any]:
    home, rules = ((NORRBY, "norrby-2024"), (SODERBY, "soderby-2024"))[number % 2]
    same = ("school_name", "fee_kind", "weekday", "starts_at", "minutes", "first_lesson_on", "last_lesson_on")
    return {
        **{
            name: getattr(FIDDLE, name) for name in (*same, "room", "min_age", "max_age", "shared", "term_id")
        },
        "course_id": f"c{number:05d}",
        "municipality_code": home,
        "rule_book_id": rules,
        "title_sv": "Kurs",
        "title_en": "Course",
        "published_capacity": SEATS,
        "capacity": SEATS,
    }


def _parties(size: int, dice: random.Random) -> Iterable[tuple[list[str], str]]:
    first = 0
    while first < size:
        many = min(2 if dice.random() < SIBLINGS else 1, size - first)
        yield [f"p{n:06d}" for n in range(first, first + many)], dice.choice((NORRBY, SODERBY))
        first += many


def _wishes(
    parties: Iterable[tuple[list[str], str]], number: int, dice: random.Random
) -> Iterable[tuple[str, str, int, str]]:
    """Some courses are wanted far more than others."""
    for members, _ in parties:
        wanted: list[int] = []
        while len(wanted) < WISHES:
            course = int(number * dice.random() ** 1.5)
            if course not in wanted:
                wanted.append(course)
        for pupil in members:
            for position, course in enumerate(wanted, start=1):
                yield "bench", pupil, position, f"c{course:05d}"


def _writer(storage: Storage) -> Callable[[str, Iterable[tuple[Any, ...]]], None]:
    """Rows as arrays, since COPY does not go together with eventlet's way of waiting for PostgreSQL."""

    def write(into: str, rows: Iterable[tuple[Any, ...]]) -> None:
        names = into[into.index("(") + 1 : -1].split(", ")
        arrays = ", ".join(f"%s::{TYPES.get(name, 'text')}[]" for name in names)
        connection = storage.engine.raw_connection()
        cursor = connection.cursor()
        waiting = list(rows)
        for first in range(0, len(waiting), WRITE_AT_ONCE):
            columns = [list(column) for column in zip(*waiting[first : first + WRITE_AT_ONCE], strict=True)]
            cursor.execute(f"INSERT INTO {into} SELECT * FROM unnest({arrays})", columns)
        connection.commit()
        connection.close()

    return write


if __name__ == "__main__":
    main()

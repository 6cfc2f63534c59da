"""Rows that are written together are those that would be there had each been written alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit

metadata = sa.MetaData()
DATED = sa.Table(
    "gathered_dated",
    metadata,
    sa.Column("one", sa.String(8), primary_key=True),
    sa.Column("two", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Integer, nullable=False),
    sa.Column("other", sa.Integer),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)
PLAIN = sa.Table(
    "gathered_plain",
    metadata,
    sa.Column("name", sa.String(8), primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)
KEYS = sa.Table("gathered_keys", metadata, sa.Column("name", sa.String(8), primary_key=True))


@pytest.fixture
def tables(storage: Storage) -> Iterator[Storage]:
    with storage.unit() as unit:
        metadata.create_all(unit.connection)
    yield storage
    with storage.unit() as unit:
        metadata.drop_all(unit.connection)


def content(storage: Storage) -> list[list[Any]]:
    with storage.reading() as connection:
        return [
            [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in (DATED, PLAIN, KEYS)
        ]


def write(unit: Unit, step: tuple[str, Any]) -> None:
    how, row = step
    if how == "keep dated":
        unit.keep(DATED, {"one": row[0], "two": row[1], "value": row[2], "sequence": row[3]})
    elif how == "keep more":
        unit.keep(DATED, {"one": row[0], "two": row[1], "value": row[2], "other": row[2], "sequence": row[3]})
    elif how == "keep plain":
        unit.keep(PLAIN, {"name": row[0], "value": row[2]})
    elif how == "add plain":
        unit.add(PLAIN, {"name": row[0], "value": row[2]})
    elif how == "keep key":
        unit.keep(KEYS, {"name": row[0]})
    else:
        unit.execute(sa.update(PLAIN).where(PLAIN.c.name == row[0]).values(value=PLAIN.c.value + 100))


HOWS = ("keep dated", "keep more", "keep plain", "add plain", "keep key", "change plain")
ROWS = st.tuples(st.sampled_from(["å", "b"]), st.integers(0, 1), st.integers(0, 9))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(HOWS), ROWS), max_size=30))
def test_together_or_alone_is_the_same(tables: Storage, steps: list[tuple[str, Any]]) -> None:
    """A stream's facts come in order, so the sequence rises from row to row."""
    numbered = [(how, (*row, sequence)) for sequence, (how, row) in enumerate(steps)]
    for step in numbered:
        with tables.unit() as unit:
            write(unit, step)
    alone = content(tables)
    _empty(tables)
    with tables.unit() as unit:
        for step in numbered:
            write(unit, step)
    assert content(tables) == alone
    _empty(tables)


def _empty(storage: Storage) -> None:
    with storage.unit() as unit:
        for table in metadata.sorted_tables:
            unit.execute(sa.delete(table))


def test_what_comes_late_does_not_replace_a_later_fact(tables: Storage) -> None:
    for sequence, value in ((5, 50), (3, 30)):
        with tables.unit() as unit:
            unit.keep(DATED, {"one": "a", "two": 1, "value": value, "sequence": sequence})
    assert content(tables)[0] == [("a", 1, 50, None, 5)]


def test_a_statement_sees_what_was_kept_before_it(tables: Storage) -> None:
    with tables.unit() as unit:
        unit.keep(PLAIN, {"name": "a", "value": 1})
        assert unit.row(sa.select(PLAIN)) == ("a", 1)
        unit.add(PLAIN, {"name": "b", "value": 2})
        assert [tuple(row) for row in unit.rows(sa.select(PLAIN).order_by(PLAIN.c.name))] == [
            ("a", 1),
            ("b", 2),
        ]


def test_many_rows_are_one_statement(tables: Storage) -> None:
    said: list[str] = []
    sa.event.listen(tables.engine, "before_cursor_execute", lambda *about: said.append(about[2]))
    with tables.unit() as unit:
        for number in range(500):
            unit.keep(PLAIN, {"name": f"n{number}", "value": number})
    assert len([each for each in said if each.startswith("INSERT")]) == 1
    assert len(content(tables)[1]) == 500


def test_an_error_takes_all_of_it_back(tables: Storage) -> None:
    with pytest.raises(sa.exc.IntegrityError), tables.unit() as unit:
        unit.keep(PLAIN, {"name": "a", "value": 1})
        unit.keep(PLAIN, {"name": "b", "value": None})
    assert content(tables)[1] == []


def test_what_is_left_for_the_end_is_done_once_with_all_that_was_written(tables: Storage) -> None:
    seen: list[tuple[list[str], int]] = []

    def count(unit: Unit, about: list[str]) -> None:
        rows = unit.connection.scalar(sa.select(sa.func.count()).select_from(PLAIN))
        seen.append((about, rows or 0))
        unit.add(PLAIN, {"name": "end", "value": 0})

    with tables.unit() as unit:
        for name in ("a", "b", "a"):
            unit.add(PLAIN, {"name": name, "value": 1})
            unit.once(count, name)
    assert seen == [(["a", "b"], 2)]
    assert len(content(tables)[1]) == 3


def test_what_fails_at_the_end_takes_all_of_the_unit_with_it(tables: Storage) -> None:
    def fail(_unit: Unit, _about: list[str]) -> None:
        raise ValueError

    with pytest.raises(ValueError), tables.unit() as unit:  # noqa: PT011 (raised just above)
        unit.add(PLAIN, {"name": "a", "value": 1})
        unit.once(fail, "a")
    assert content(tables)[1] == []

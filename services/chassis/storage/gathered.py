"""Rows that reactions keep, gathered so that one statement writes many: a statement costs more than a row.

For tables that refer to no other: the order in which several tables are written says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Key = tuple[Any, ...]


@dataclass(slots=True)
class _Rows:
    """Rows of one table with the same columns, to be written in the same way, by primary key."""

    names: tuple[str, ...]
    replacing: bool
    by_key: dict[Key, Mapping[str, Any]] = field(default_factory=dict)


class Gathered:
    """What one unit of work is still to write."""

    def __init__(self) -> None:
        self._tables: dict[sa.Table, _Rows] = {}

    def put(
        self, connection: sa.Connection, table: sa.Table, row: Mapping[str, Any], *, replacing: bool
    ) -> None:
        """Of several rows with the same key the last one stands if `replacing`, else the first."""
        names = tuple(row)
        rows = self._tables.get(table)
        if rows is not None and (rows.names, rows.replacing) != (names, replacing):
            self.write(connection)
            rows = None
        if rows is None:
            rows = self._tables[table] = _Rows(names, replacing)
        key = tuple(row[name] for name in _key_of(table))
        if replacing:
            rows.by_key[key] = row
        else:
            rows.by_key.setdefault(key, row)

    def write(self, connection: sa.Connection) -> None:
        tables, self._tables = self._tables, {}
        for table, rows in tables.items():
            statement = _statement(table, rows.names, rows.replacing, connection.dialect.name)
            connection.execute(statement, list(rows.by_key.values()))


@lru_cache(maxsize=256)
def _key_of(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


def insert_into(dialect_name: str, table: sa.Table) -> Any:
    """The database's own INSERT, which knows ON CONFLICT."""
    return (sqlite if dialect_name == "sqlite" else postgresql).insert(table)


@lru_cache(maxsize=256)
def _statement(table: sa.Table, names: tuple[str, ...], replacing: bool, dialect_name: str) -> Any:
    """Made once: to build such a statement takes longer than to run it, and facts come by the thousand."""
    statement = _on_conflict(insert_into(dialect_name, table), table, names, replacing)
    if dialect_name == "sqlite":
        return statement
    # Only an INSERT that returns something is sent by SQLAlchemy as one statement for many rows, where it has
    # an ON CONFLICT; and PostgreSQL takes one of a thousand rows ten times faster than a thousand.
    return statement.returning(sa.literal_column("1"))


def _on_conflict(statement: Any, table: sa.Table, names: tuple[str, ...], replacing: bool) -> Any:
    key = _key_of(table)
    changing = [name for name in names if name not in key]
    if not replacing or not changing:
        return statement.on_conflict_do_nothing()
    given = statement.excluded
    later = table.c.sequence < given.sequence if "sequence" in names else None
    return statement.on_conflict_do_update(
        index_elements=key, set_={name: given[name] for name in changing}, where=later
    )

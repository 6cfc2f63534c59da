"""Numbers without gaps: taken in the transaction that uses them, given back where it fails."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.tables import number_series
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit


def take_number(unit: Unit, series: str) -> int:
    """The next number of the series. Others that want one wait until this unit has ended."""
    unit.execute(insert_ignoring(unit.connection, number_series), {"series": series, "last_number": 0})
    number: int = unit.connection.execute(
        sa.update(number_series)
        .where(number_series.c.series == series)
        .values(last_number=number_series.c.last_number + 1)
        .returning(number_series.c.last_number)
    ).scalar_one()
    return number


def hold_series(unit: Unit, series: str) -> None:
    """Let nobody take a number of the series until this unit has ended."""
    unit.execute(insert_ignoring(unit.connection, number_series), {"series": series, "last_number": 0})
    unit.execute(sa.select(number_series).where(number_series.c.series == series).with_for_update())

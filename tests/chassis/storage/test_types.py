"""A stored time is the same moment when it is read again, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from services.chassis.clock import STOCKHOLM
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox, outbox_readers

MOMENT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)


def keep(storage: Storage, reader: str, announced_at: datetime) -> None:
    with storage.unit() as unit:
        row = {"reader": reader, "source": "catalogue", "received_through": 0, "announced_at": announced_at}
        unit.execute(sa.insert(outbox_readers), row)


def kept(storage: Storage, *where: sa.ColumnElement[bool]) -> dict[str, datetime]:
    with storage.reading() as connection:
        rows = connection.execute(sa.select(outbox_readers).where(*where))
        return {row.reader: row.announced_at for row in rows}


@pytest.mark.parametrize("zone", [UTC, STOCKHOLM, timezone(timedelta(hours=-9, minutes=-30))])
def test_a_time_comes_back_in_utc_whatever_zone_it_was_given_in(storage: Storage, zone: timezone) -> None:
    keep(storage, "r", MOMENT.astimezone(zone))
    (found,) = kept(storage).values()
    assert found == MOMENT
    assert found.utcoffset() == timedelta(0)


def test_times_are_compared_as_moments_and_not_as_text(storage: Storage) -> None:
    keep(storage, "early", MOMENT.astimezone(STOCKHOLM))  # 03:30 on the wall
    keep(storage, "late", MOMENT + timedelta(minutes=1))  # 01:31
    assert set(kept(storage, outbox_readers.c.announced_at > MOMENT)) == {"late"}
    assert set(kept(storage, outbox_readers.c.announced_at == MOMENT)) == {"early"}


def test_no_time_is_none(storage: Storage) -> None:
    with storage.unit() as unit:
        row = {name: "x" for name in ("message_id", "source", "type", "subject", "body")}
        unit.execute(sa.insert(inbox), {**row, "received_at": MOMENT, "handled_at": None})
    with storage.reading() as connection:
        assert connection.execute(sa.select(inbox.c.handled_at)).scalar_one() is None


def test_a_naive_time_is_refused(storage: Storage) -> None:
    with pytest.raises(StatementError, match="aware"):
        keep(storage, "r", MOMENT.replace(tzinfo=None))
    assert kept(storage) == {}

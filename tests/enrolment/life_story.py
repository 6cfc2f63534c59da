"""What staff do in a pupil's life, and what is seen of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.enrolment import pupil_queries
from services.enrolment.tables import applications

STAFF = "staff:1901:the tests"


def do(storage: Storage, command: Callable[..., Any], *given: Any, **more: Any) -> None:
    with storage.unit() as unit:
        command(unit, *given, **more)


def refused(storage: Storage, command: Callable[..., Any], *given: Any, **more: Any) -> str:
    with pytest.raises(Refused) as raised:
        do(storage, command, *given, **more)
    return raised.value.refusal.name


def events(storage: Storage, pupil_id: str) -> list[tuple[str, str, str]]:
    with storage.reading() as connection:
        return [
            (each.what, each.by, each.why) for each in pupil_queries.pupil_events_of(connection, pupil_id)
        ]


def queue_dates(storage: Storage) -> dict[str, datetime]:
    with storage.reading() as connection:
        rows = connection.execute(sa.select(applications).where(applications.c.state != "ended"))
        return {row.application_id: row.queued_at for row in rows}

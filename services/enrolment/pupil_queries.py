"""What staff read of one pupil."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.enrolment import queries, repository
from services.enrolment.domain.requests import is_readable
from services.enrolment.tables import applications, pupil_events, pupils


def applications_of_pupil(connection: sa.Connection, pupil_id: str, today: date) -> list[queries.Application]:
    return queries.applications_where(connection, today, applications.c.pupil_id == pupil_id)


def home_of_pupil(connection: sa.Connection, pupil_id: str) -> str | None:
    """None for a record that became a part of another one, too."""
    if not is_readable(pupil_id):
        return None
    return connection.scalar(
        sa.select(pupils.c.home_municipality).where(
            pupils.c.pupil_id == pupil_id, pupils.c.merged_into.is_(None)
        )
    )


def pupil_record(connection: sa.Connection, pupil_id: str) -> tuple[queries.Pupil, sa.Row[Any]] | None:
    """A pupil, and its row for what staff record of it."""
    row = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == pupil_id)).first()
    return None if row is None else (queries.pupil_of(row, repository.known_municipalities(connection)), row)


def pupil_events_of(connection: sa.Connection, pupil_id: str) -> Sequence[sa.Row[Any]]:
    return connection.execute(
        sa.select(pupil_events)
        .where(pupil_events.c.pupil_id == pupil_id)
        .order_by(pupil_events.c.at, pupil_events.c.event_id)
    ).all()

"""Invariants of notifications."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from services.chassis.clock import SystemClock
from services.notifications.outgoing import is_due, joined
from services.notifications.tables import messages, places

# Long enough for a slow mail server and its queue; its being away this long is for somebody to look at.
STUCK_AFTER = timedelta(hours=1)


def check(connection: sa.Connection, now: datetime | None = None) -> list[str]:
    """What does not hold, in words; empty when all is well."""
    return (
        _told_twice(connection)
        + _stuck(connection, now or SystemClock().now())
        + _place_without_mail(connection)
    )


def _told_twice(connection: sa.Connection) -> list[str]:
    twice = (
        sa.select(messages.c.person_id)
        .group_by(messages.c.person_id, messages.c.cause_id)
        .having(sa.func.count() > 1)
    )
    count = connection.scalar(sa.select(sa.func.count()).select_from(twice.subquery()))
    return [f"{count} facts were told to one person more than once"] if count else []


def _stuck(connection: sa.Connection, now: datetime) -> list[str]:
    """Messages whose person and course are known, and that nobody has tried to send for an hour."""
    long_ago = now - STUCK_AFTER
    count = connection.scalar(
        sa.select(sa.func.count())
        .select_from(joined())
        .where(
            is_due(now),
            messages.c.recorded_at < long_ago,
            sa.or_(messages.c.next_attempt_at.is_(None), messages.c.next_attempt_at < long_ago),
        )
    )
    return [f"{count} messages that could be sent have waited for over an hour"] if count else []


def _place_without_mail(connection: sa.Connection) -> list[str]:
    """Every place a guardian has was told it: the place and its message are recorded together."""
    told = (
        sa.select(messages.c.message_id)
        .where(
            messages.c.person_id == places.c.guardian_id,
            messages.c.course_id == places.c.course_id,
            messages.c.pupil_id == places.c.pupil_id,
            messages.c.kind == "place",
        )
        .exists()
    )
    count = connection.scalar(
        sa.select(sa.func.count())
        .select_from(places)
        .where(sa.not_(places.c.ended), places.c.guardian_id.is_not(None), ~told)
    )
    return [f"{count} places have no message to their guardian"] if count else []

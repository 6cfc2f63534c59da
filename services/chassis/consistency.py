"""Invariants: of outbox and inbox, the same in every service's database, and of the service itself."""

from __future__ import annotations

import random
from datetime import datetime
from importlib import import_module

import sqlalchemy as sa
import structlog

from services.chassis import telemetry
from services.chassis.messaging.figures import Reader, readers
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox, inbox_positions, outbox, outbox_streams

EVERY_SECONDS = 300.0

log = structlog.get_logger("consistency")


def check(connection: sa.Connection, service: str) -> list[str]:
    """What does not hold of outbox and inbox, in words; empty when all is well."""
    return [
        *_outbox_gaps(connection),
        *_inbox_gaps(connection),
        *_parked(connection),
        *(_strayed(reader) for reader in readers(connection) if reader.strayed),
    ]


def check_all(storage: Storage, service: str) -> list[str]:
    """What does not hold in the service's database: of outbox and inbox, and what its checks.py finds."""
    with storage.reading() as connection:
        own: list[str] = import_module(f"services.{service}.checks").check(connection)
        return [*check(connection, service), *own]


class Watch:
    """Checks now and then while the service runs: for the metrics and the operations page."""

    def __init__(self, service: str, storage: Storage) -> None:
        self.service = service
        self.storage = storage
        self.findings: tuple[str, ...] = ()
        self.checked_at: datetime | None = None

    def run_once(self) -> float:
        """Check. Seconds to rest before the next, with jitter: services of one machine take turns."""
        self.findings = tuple(check_all(self.storage, self.service))
        self.checked_at = self.storage.clock.now()
        telemetry.CHECK_FINDINGS.labels(self.service).set(len(self.findings))
        if self.findings:
            log.error("invariants_broken", service=self.service, findings=len(self.findings))
        return EVERY_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 (jitter, no secret)


def _outbox_gaps(connection: sa.Connection) -> list[str]:
    """From where it was pruned to its end, the log has every fact."""
    findings = []
    for stream in connection.execute(sa.select(outbox_streams)):
        first, last, count = connection.execute(
            sa.select(sa.func.min(outbox.c.sequence), sa.func.max(outbox.c.sequence), sa.func.count()).where(
                outbox.c.source == stream.source
            )
        ).one()
        kept = stream.last_sequence - stream.pruned_through
        whole = (stream.pruned_through + 1, stream.last_sequence, kept) if kept else (None, None, 0)
        if (first, last, count) != whole:
            findings.append(f"the fact log of {stream.source} has a gap")
    return findings


def _inbox_gaps(connection: sa.Connection) -> list[str]:
    """A fact beyond the position that nobody has filled is one that was lost on the way."""
    beyond = connection.execute(
        sa.select(inbox.c.source, sa.func.count())
        .join(inbox_positions, inbox_positions.c.source == inbox.c.source)
        .where(inbox.c.sequence > inbox_positions.c.received_through)
        .group_by(inbox.c.source)
    )
    return [f"{count} facts of {source} wait for an earlier one" for source, count in beyond]


def _parked(connection: sa.Connection) -> list[str]:
    count = connection.scalar(
        sa.select(sa.func.count()).where(inbox.c.handled_at.is_(None), inbox.c.parked_at.is_not(None))
    )
    return [f"{count} facts are parked"] if count else []


def _strayed(reader: Reader) -> str:
    about = f"{reader.reader} has the facts of {reader.source} through {reader.received_through}"
    if reader.behind_log:
        return (
            f"{about}, and the fact log no longer has the next: restore a younger backup of {reader.reader}"
        )
    return f"{about}, and the fact log ends before: has the database been restored?"

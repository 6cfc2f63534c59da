"""The worker: from the inbox to the reactions, each fact's effect exactly once."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import marshmallow
import sqlalchemy as sa
import structlog

from services.chassis import telemetry
from services.chassis.messaging import parked
from services.chassis.storage import inbox as inbox_store
from services.chassis.storage.engine import Storage, in_short
from services.chassis.storage.tables import inbox
from services.chassis.storage.unit import Unit
from services.contracts.envelope import MalformedEnvelope
from services.contracts.fact import Fact
from services.contracts.registry import UnknownFact, read_fact

BATCH = 500
MOST_ATTEMPTS = 8
FIRST_BACK_OFF_SECONDS = 0.5
MOST_BACK_OFF_SECONDS = 60.0
# Trying again cannot mend these: they are parked at once.
UNREADABLE = (UnknownFact, marshmallow.ValidationError, MalformedEnvelope)

Reaction = Callable[[Unit, Any], None]
Reactions = Mapping[type[Fact], Reaction]

log = structlog.get_logger("worker")


class TakenByAnother(Exception):
    """Another worker has handled some of these facts meanwhile."""


class Worker:
    """Runs reaction, inbox mark and the reaction's own facts in one transaction, in batches."""

    def __init__(self, service: str, storage: Storage, reactions: Reactions) -> None:
        self.service = service
        self.storage = storage
        self.reactions = reactions
        self.is_behind = False  # whether more than a batch waited when it last looked
        self._began = False

    def run_once(self) -> float:
        """Handle a batch. Seconds to rest before the next: 0 while there is more.

        One worker a service works at a time, so no two ever handle the same subject side by side.
        """
        with self.storage.exclusive("worker") as alone:
            if not alone:
                return 1.0
            self._begin()
            with self.storage.reading() as connection:
                rows = inbox_store.ready(connection, self.storage.clock.now(), BATCH)
            self.is_behind = len(rows) == BATCH
            if not rows:
                return 0.5
            try:
                self._handle_all(rows)
            except TakenByAnother:
                # The lock's connection broke, or two processes share a SQLite file: look again.
                return 0.5
        return 0.0

    def _begin(self) -> None:
        """A release that has learned new facts takes up those that the one before had to park."""
        if not self._began:
            replayed = parked.replay_learned(self.storage)
            if replayed:
                log.info("learned_facts_taken_up", service=self.service, facts=replayed)
            self._began = True

    def _handle_all(self, rows: Sequence[sa.Row[Any]]) -> None:
        try:
            self._handle(rows)
        except TakenByAnother:
            raise
        except Exception:
            # One of them failed and took the batch's transaction with it: each alone, then.
            self._handle_one_by_one(rows)

    def _handle(self, rows: Sequence[sa.Row[Any]]) -> None:
        """Marks first: the mark holds the rows, so an effect can come to be twice in no case at all."""
        with self.storage.unit() as unit:
            marked = inbox_store.mark_handled(unit.connection, [row.message_id for row in rows], unit.now)
            if marked < len(rows):
                raise TakenByAnother
            for row in rows:
                self._react(unit, row)
        telemetry.FACTS_HANDLED.labels(self.service).inc(len(rows))

    def _handle_one_by_one(self, rows: Sequence[sa.Row[Any]]) -> None:
        held: set[tuple[str, str]] = set()
        for row in rows:
            if (row.source, row.subject) in held:
                continue
            try:
                self._handle([row])
            except TakenByAnother:
                raise
            except Exception as error:
                held.add((row.source, row.subject))
                self._failed(row, error)

    def _react(self, unit: Unit, row: sa.Row[Any]) -> None:
        envelope = inbox_store.envelope_of(row)
        fact = read_fact(envelope.type, dict(envelope.data))
        reaction = self.reactions.get(type(fact))
        if reaction is not None:
            unit.because_of(envelope)
            reaction(unit, fact)

    def _failed(self, row: sa.Row[Any], error: Exception) -> None:
        """Back off, or park. What is kept of the error is its kind and text, cut short."""
        telemetry.FACTS_FAILED.labels(self.service).inc()
        attempts = row.attempts + 1
        is_parked = isinstance(error, UNREADABLE) or attempts >= MOST_ATTEMPTS
        back_off = min(FIRST_BACK_OFF_SECONDS * 2**attempts, MOST_BACK_OFF_SECONDS)
        now = self.storage.clock.now()
        later = now + timedelta(seconds=back_off * random.uniform(0.5, 1))  # noqa: S311 (jitter, no secret)
        with self.storage.unit() as unit:
            unit.execute(
                sa.update(inbox)
                .where(inbox.c.message_id == row.message_id, inbox.c.handled_at.is_(None))
                .values(
                    attempts=attempts,
                    next_attempt_at=None if is_parked else later,
                    parked_at=now if is_parked else None,
                    last_error=in_short(error),
                )
            )
        say = log.error if is_parked else log.warning
        say(
            "fact_parked" if is_parked else "fact_failed",
            service=self.service,
            message_id=row.message_id,
            type=row.type,
            attempts=attempts,
            error=type(error).__name__,
        )

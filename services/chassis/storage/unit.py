"""The unit of work: one transaction in which state changes and facts are recorded together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from services.chassis import telemetry
from services.chassis.clock import local_date
from services.chassis.ids import new_id
from services.chassis.storage.gathered import Gathered
from services.chassis.storage.tables import outbox, outbox_streams
from services.contracts.envelope import Envelope, envelop, parse_envelope
from services.contracts.fact import Fact


class Unit:
    """`now` stands still during a unit. Facts get their sequence at the very end, just before commit."""

    def __init__(self, connection: sa.Connection, now: datetime, cause: Envelope | None = None) -> None:
        self._connection = connection
        self._gathered = Gathered()
        self._at_end: dict[Callable[[Unit, list[Any]], None], dict[Any, None]] = {}
        self.now = now
        self.today: date = local_date(now)
        self.recorded_facts: list[tuple[Fact, Envelope | None]] = []
        self._cause = cause

    @property
    def connection(self) -> sa.Connection:
        """For statements that see all this unit has written: what is gathered goes first."""
        self.write_gathered()
        return self._connection

    def keep(self, table: sa.Table, row: Mapping[str, Any]) -> None:
        """Insert the row or bring the one with its key up to date, together with others of the table: before
        the unit's next statement, at the latest at its end. Where the row has a `sequence`, what is there
        gives way only to a later one.
        """
        self._gathered.put(self._connection, table, row, replacing=True)

    def add(self, table: sa.Table, row: Mapping[str, Any]) -> None:
        """Insert the row, unless one with its key is there; together with others, as in `keep`."""
        self._gathered.put(self._connection, table, row, replacing=False)

    def once(self, do: Callable[[Unit, list[Any]], None], about: Any) -> None:
        """At the unit's end, let `do` run once with everything it was asked for: one look for many facts."""
        self._at_end.setdefault(do, {})[about] = None

    def finish(self) -> None:
        """What was left for the end. It may leave more."""
        while self._at_end:
            do = next(iter(self._at_end))
            do(self, list(self._at_end.pop(do)))
        self.write_gathered()

    def write_gathered(self) -> None:
        self._gathered.write(self._connection)

    @property
    def cause(self) -> Envelope | None:
        """The envelope being reacted to; None in a command."""
        return self._cause

    def because_of(self, cause: Envelope) -> None:
        """What is recorded from here on is an effect of `cause`."""
        self._cause = cause

    def record(self, fact: Fact) -> None:
        """Say that something happened: it is published if, and only if, this unit commits."""
        self.recorded_facts.append((fact, self._cause))

    def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        result: sa.CursorResult[Any] = self.connection.execute(statement, parameters)
        return result

    def rows(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        return self.connection.execute(statement).all()

    def row(self, statement: sa.Select[Any]) -> sa.Row[Any] | None:
        return self.connection.execute(statement).first()

    def write_outbox(self) -> None:
        """Number the facts and add them to the log. Streams in the order of their names: no deadlock."""
        by_source = sorted(self.recorded_facts, key=lambda item: item[0].SOURCE)
        rows: list[dict[str, Any]] = []
        for source, group in groupby(by_source, key=lambda item: item[0].SOURCE):
            facts = list(group)
            last = self.connection.scalar(
                sa.update(outbox_streams)
                .where(outbox_streams.c.source == source)
                .values(last_sequence=outbox_streams.c.last_sequence + len(facts))
                .returning(outbox_streams.c.last_sequence)
            )
            if last is None:
                raise LookupError(f"the stream {source} is not this service's; has it been migrated?")
            first = last - len(facts) + 1
            rows += [self._row(fact, cause, first + n) for n, (fact, cause) in enumerate(facts)]
        if rows:
            self.connection.execute(sa.insert(outbox), rows)

    def _row(self, fact: Fact, cause: Envelope | None, sequence: int) -> dict[str, Any]:
        message_id = new_id()
        envelope = envelop(
            fact,
            message_id=message_id,
            sequence=sequence,
            now=self.now,
            correlation_id=cause.correlationid if cause else message_id,
            causation_id=cause.id if cause else None,
            traceparent=cause.traceparent if cause else telemetry.current_traceparent(),
        )
        text = envelope.to_json()
        # A message that cannot be read stops its whole stream at every reader: better to fail here.
        parse_envelope(text.encode())
        return {
            "source": fact.SOURCE,
            "sequence": sequence,
            "message_id": message_id,
            "type": envelope.type,
            "envelope": text,
            "recorded_at": self.now,
        }

"""Every fact once, in the publisher's order, and nothing that arrives stops what arrives after it."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.inbox import Received
from services.chassis.storage.tables import inbox as inbox_table
from services.contracts.envelope import MAX_BYTES
from tests.chassis.conftest import OpenStorage
from tests.chassis.facts import (
    NOW,
    cancelled,
    enveloped,
    inbox_row,
    inbox_rows,
    message,
    messages,
    position,
)


def ready(storage: Storage, most: int = 100, at: timedelta = timedelta(0)) -> list[str]:
    with storage.reading() as connection:
        return [row.message_id for row in inbox.ready(connection, NOW + at, most)]


def set_row(storage: Storage, message_id: str, **values: Any) -> None:
    with storage.unit() as unit:
        unit.execute(sa.update(inbox_table).where(inbox_table.c.message_id == message_id).values(**values))


def with_field(name: str, value: Any) -> bytes:
    """A message like the others, but for one field."""
    document = json.loads(message(cancelled(), 1))
    return json.dumps({**document, name: value}).encode()


class TestStoring:
    def test_a_fact_is_kept_as_it_came(self, storage: Storage) -> None:
        body = message(cancelled("c1"), 1)
        assert inbox.store(storage, [body]) == Received(stored=1, duplicates=0)
        (row,) = inbox_rows(storage)
        assert (row.message_id, row.source, row.sequence, row.subject) == (
            "catalogue-1",
            "catalogue",
            1,
            "c1",
        )
        assert row.type == "se.samklang.catalogue.course_cancelled.v1"
        assert row.body.encode() == body
        assert (row.received_at, row.handled_at, row.parked_at, row.attempts) == (NOW, None, None, 0)
        assert inbox.envelope_of(row) == enveloped(cancelled("c1"), 1)

    def test_nothing_is_nothing(self, storage: Storage) -> None:
        assert inbox.store(storage, []) == Received(stored=0, duplicates=0)

    def test_a_fact_that_comes_again_is_told_apart(self, storage: Storage) -> None:
        one, two, three = messages(["a", "b", "c"])
        inbox.store(storage, [one, two])
        assert inbox.store(storage, [two, one, three]) == Received(stored=1, duplicates=2)
        assert [row.sequence for row in inbox_rows(storage)] == [1, 2, 3]
        assert position(storage, "catalogue") == 3

    def test_the_same_fact_twice_in_one_delivery_is_a_duplicate_too(self, storage: Storage) -> None:
        one = message(cancelled(), 1)
        assert inbox.store(storage, [one, one, one]) == Received(stored=1, duplicates=2)

    def test_a_fact_that_was_handled_stays_handled_when_it_comes_again(self, storage: Storage) -> None:
        one = message(cancelled(), 1)
        inbox.store(storage, [one])
        set_row(storage, "catalogue-1", handled_at=NOW)
        inbox.store(storage, [one])
        assert inbox_row(storage, "catalogue-1").handled_at == NOW
        assert ready(storage) == []

    def test_the_position_stops_before_a_gap_and_moves_on_when_it_is_filled(self, storage: Storage) -> None:
        bodies = dict(enumerate(messages("abcdefg"), 1))
        inbox.store(storage, [bodies[1], bodies[2], bodies[4]])
        assert position(storage, "catalogue") == 2
        inbox.store(storage, [bodies[6], bodies[7]])
        assert position(storage, "catalogue") == 2
        inbox.store(storage, [bodies[3]])
        assert position(storage, "catalogue") == 4
        inbox.store(storage, [bodies[5]])
        assert position(storage, "catalogue") == 7

    def test_a_stream_that_begins_late_waits_for_its_beginning(self, storage: Storage) -> None:
        inbox.store(storage, messages("bc", first=2))
        assert position(storage, "catalogue") == 0
        assert ready(storage) == []
        inbox.store(storage, messages("a"))
        assert position(storage, "catalogue") == 3

    @pytest.mark.parametrize("seed", range(4))
    def test_any_order_and_any_repetition_end_the_same(self, storage: Storage, seed: int) -> None:
        dice = random.Random(seed)
        deliveries = messages([f"c{n}" for n in range(40)]) * 2
        dice.shuffle(deliveries)
        stored = duplicates = 0
        while deliveries:
            size = dice.randint(1, 12)
            received = inbox.store(storage, deliveries[:size])
            deliveries = deliveries[size:]
            stored, duplicates = stored + received.stored, duplicates + received.duplicates
        assert (stored, duplicates, position(storage, "catalogue")) == (40, 40, 40)
        assert ready(storage) == [f"catalogue-{n}" for n in range(1, 41)]

    def test_two_stores_at_once_keep_each_fact_once(self, backend: str, open_storage: OpenStorage) -> None:
        """As when the broker redelivers to a second process what the first has not acknowledged yet."""
        storages = [open_storage("enrolment") for _ in range(2 if backend == "postgresql" else 1)]
        bodies = messages([f"c{n}" for n in range(60)])
        halves = [bodies[:40], bodies[20:], bodies[::2], bodies[::-1]]
        threads = [
            eventlet.spawn(inbox.store, storages[n % len(storages)], half) for n, half in enumerate(halves)
        ]
        received = [thread.wait() for thread in threads]
        assert sum(each.stored for each in received) == 60
        assert sum(each.duplicates for each in received) == sum(map(len, halves)) - 60
        assert position(storages[0], "catalogue") == 60
        assert len(inbox_rows(storages[0])) == 60

    def test_streams_have_positions_of_their_own(self, storage: Storage) -> None:
        other = enveloped(cancelled(), 2, source="billing", id="billing-2").to_json().encode()
        inbox.store(storage, [*messages("abc"), other])
        assert (position(storage, "catalogue"), position(storage, "billing")) == (3, 0)


UNREADABLE = {
    "not JSON": b"{",
    "empty": b"",
    "not UTF-8": b'{"id":"\xff"}',
    "NUL bytes": b"\x00\x01\x02",
    "too long": b" " * (MAX_BYTES + 1),
    "nested without end": b"[" * 200_000,
    "a sequence no column holds": with_field("sequence", 2**63),
    "a sequence beyond all bounds": with_field("sequence", 10**400),
    "an id with a NUL": with_field("id", "a\x00b"),
    "a subject that is no character": with_field("subject", "\ud800"),
    "a source that is too long": with_field("source", "s" * 65),
    "data that is a list": with_field("data", []),
}


class TestWhatCannotBeRead:
    @pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
    def test_it_is_parked_and_stops_nobody(self, storage: Storage, body: bytes) -> None:
        """An exception here would have the broker deliver the same batch again and again."""
        assert inbox.store(storage, [body, *messages("ab")]) == Received(stored=3, duplicates=0)
        (parked,) = (row for row in inbox_rows(storage) if row.parked_at is not None)
        assert (parked.source, parked.sequence, parked.parked_at) == (inbox.UNREADABLE, None, NOW)
        assert parked.last_error.startswith("not an envelope: ")
        assert ready(storage) == ["catalogue-1", "catalogue-2"]

    def test_it_is_kept_once_however_often_it_comes(self, storage: Storage) -> None:
        inbox.store(storage, [b"{"])
        assert inbox.store(storage, [b"{", b"{", b"["]) == Received(stored=1, duplicates=2)
        assert len(inbox_rows(storage)) == 2

    def test_its_text_is_kept_as_far_as_a_database_can(self, storage: Storage) -> None:
        inbox.store(storage, [b"caf\xc3\xa9 \xff \x00"])
        (row,) = inbox_rows(storage)
        assert row.body == "café \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}"


class TestReady:
    def test_oldest_first_over_all_streams(self, storage: Storage) -> None:
        other = [
            enveloped(cancelled("x"), n, source="billing", id=f"billing-{n}").to_json().encode()
            for n in (1, 2)
        ]
        inbox.store(storage, [*reversed(messages("abc")), *other])
        assert ready(storage) == ["billing-1", "catalogue-1", "billing-2", "catalogue-2", "catalogue-3"]
        assert ready(storage, most=2) == ["billing-1", "catalogue-1"]

    def test_what_is_beyond_a_gap_waits(self, storage: Storage) -> None:
        inbox.store(storage, messages("ab") + messages("d", first=4))
        assert ready(storage) == ["catalogue-1", "catalogue-2"]

    def test_handled_facts_are_done(self, storage: Storage) -> None:
        inbox.store(storage, messages("ab"))
        set_row(storage, "catalogue-1", handled_at=NOW)
        assert ready(storage) == ["catalogue-2"]

    def test_behind_a_fact_that_backs_off_its_subject_waits_and_others_go_on(self, storage: Storage) -> None:
        inbox.store(storage, messages("abab"))
        set_row(storage, "catalogue-1", attempts=1, next_attempt_at=NOW + timedelta(seconds=5))
        assert ready(storage) == ["catalogue-2", "catalogue-4"]
        assert ready(storage, at=timedelta(seconds=5)) == [f"catalogue-{n}" for n in (1, 2, 3, 4)]

    def test_behind_a_parked_fact_its_subject_waits_and_others_go_on(self, storage: Storage) -> None:
        inbox.store(storage, messages("abab"))
        set_row(storage, "catalogue-1", attempts=8, parked_at=NOW)
        assert ready(storage, at=timedelta(days=365)) == ["catalogue-2", "catalogue-4"]

    def test_what_came_before_the_trouble_does_not_wait(self, storage: Storage) -> None:
        inbox.store(storage, messages("aaa"))
        set_row(storage, "catalogue-2", attempts=8, parked_at=NOW)
        assert ready(storage) == ["catalogue-1"]

    def test_the_same_subject_in_another_stream_does_not_wait(self, storage: Storage) -> None:
        other = enveloped(cancelled("a"), 2, source="billing", id="billing-2").to_json().encode()
        first = enveloped(cancelled("z"), 1, source="billing", id="billing-1").to_json().encode()
        inbox.store(storage, [*messages("a"), first, other])
        set_row(storage, "catalogue-1", attempts=8, parked_at=NOW)
        assert ready(storage) == ["billing-1", "billing-2"]

    def test_once_the_troubled_fact_is_handled_its_subject_goes_on(self, storage: Storage) -> None:
        inbox.store(storage, messages("aa"))
        set_row(storage, "catalogue-1", attempts=8, parked_at=NOW, handled_at=NOW)
        assert ready(storage) == ["catalogue-2"]


def test_mark_handled_ends_the_waiting_and_keeps_when_it_first_was(storage: Storage) -> None:
    inbox.store(storage, messages("abc"))
    set_row(storage, "catalogue-1", handled_at=NOW)
    set_row(storage, "catalogue-2", attempts=2, next_attempt_at=NOW + timedelta(hours=1))
    later = NOW + timedelta(minutes=1)
    with storage.unit() as unit:
        inbox.mark_handled(unit.connection, ["catalogue-1", "catalogue-2"], later)
    rows = {row.message_id: row for row in inbox_rows(storage)}
    assert [rows[f"catalogue-{n}"].handled_at for n in (1, 2, 3)] == [NOW, later, None]
    assert rows["catalogue-2"].next_attempt_at is None


def test_insert_ignoring_keeps_the_row_that_is_there(storage: Storage) -> None:
    table = sa.Table("inbox_positions", sa.MetaData(), sa.Column("source"), sa.Column("received_through"))
    with storage.unit() as unit:
        for through in (3, 9):
            unit.execute(
                inbox.insert_ignoring(unit.connection, table), {"source": "s", "received_through": through}
            )
    assert position(storage, "s") == 3


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_long_delivery_is_one_statement_and_not_one_a_fact(storage: Storage) -> None:
    """A round trip a fact made PostgreSQL's inbox five times as slow; SQLite has none to make."""
    rows: list[int] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO inbox ("):
            rows.append(statement.count("%(message_id"))

    sa.event.listen(storage.engine, "before_cursor_execute", count)
    inbox.store(storage, messages([f"c{n}" for n in range(900)]))
    assert rows == [900]
    assert position(storage, "catalogue") == 900


def test_of_a_long_backlog_only_the_next_facts_are_read(storage: Storage) -> None:
    other = [
        enveloped(cancelled(f"x{n}"), n, source="billing", id=f"billing-{n}").to_json().encode()
        for n in range(1, 30)
    ]
    inbox.store(storage, [*messages([f"c{n}" for n in range(40)]), *other])
    assert ready(storage, most=4) == ["billing-1", "catalogue-1", "billing-2", "catalogue-2"]

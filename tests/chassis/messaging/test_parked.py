"""Parked facts: looked at without being told around, and handled again or set aside with who and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.chassis.clock import FixedClock
from services.chassis.messaging import parked
from services.chassis.messaging.worker import Worker
from services.chassis.refusals import Refused
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import CourseCancelled
from tests.chassis.facts import NOW, cancelled, enveloped, inbox_row, inbox_rows, leave_mark, messages


def mark(unit: Unit, fact: CourseCancelled) -> None:
    leave_mark(unit, fact.course_id)


@pytest.fixture
def at_work(storage: Storage) -> Worker:
    return Worker("enrolment", storage, {CourseCancelled: mark})


@pytest.fixture
def poisoned(storage: Storage, at_work: Worker) -> Storage:
    """A fact of `a` that does not fit is parked, a later one of `a` waits behind it; so does no JSON."""
    bodies = messages("aba")
    bodies[0] = enveloped(cancelled("a"), 1, data={"course_id": 5}).to_json().encode()
    inbox.store(storage, [*bodies, b"no JSON"])
    at_work.run_once()
    return storage


def unreadable(storage: Storage) -> str:
    return next(row.message_id for row in inbox_rows(storage) if row.sequence is None)


def acts(storage: Storage) -> list[tuple[str, str, str, str]]:
    found = parked.actions(storage)
    return [(row.message_id, row.action, row.by, row.reason) for row in found if row.action != "mark"]


def test_the_list_leaves_the_contents_out(poisoned: Storage) -> None:
    rows = parked.listed(poisoned)
    assert {row.message_id for row in rows} == {"catalogue-1", unreadable(poisoned)}
    assert all("body" not in row._fields for row in rows)


def test_one_is_shown_whole(poisoned: Storage) -> None:
    row = parked.shown(poisoned, "catalogue-1")
    assert '"course_id":5' in row.body
    assert row.parked_at == NOW


@pytest.mark.parametrize("message_id", ["catalogue-2", "catalogue-3", "nothing"])
def test_what_is_not_parked_is_neither_shown_nor_touched(poisoned: Storage, message_id: str) -> None:
    before = inbox_rows(poisoned)
    for act in (
        lambda: parked.shown(poisoned, message_id),
        lambda: parked.replay(poisoned, message_id, "Eva", "try"),
        lambda: parked.discard(poisoned, message_id, "Eva", "away"),
    ):
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.refusal is parked.NOT_PARKED
    assert inbox_rows(poisoned) == before
    assert acts(poisoned) == []


def test_replayed_it_is_tried_as_if_it_had_just_come(poisoned: Storage, at_work: Worker) -> None:
    parked.replay(poisoned, "catalogue-1", "Eva", "mended")
    row = inbox_row(poisoned, "catalogue-1")
    assert (row.attempts, row.parked_at, row.handled_at) == (0, None, None)
    assert acts(poisoned) == [("catalogue-1", "replay", "Eva", "mended")]
    at_work.run_once()  # it still does not fit
    assert inbox_row(poisoned, "catalogue-1").parked_at is not None
    assert inbox_row(poisoned, "catalogue-3").handled_at is None


def test_set_aside_it_has_no_effect_and_its_subject_goes_on(poisoned: Storage, at_work: Worker) -> None:
    parked.discard(poisoned, "catalogue-1", "Eva", "a test that got out")
    at_work.run_once()
    assert inbox_row(poisoned, "catalogue-3").handled_at is not None
    assert [row.message_id for row in parked.listed(poisoned)] == [unreadable(poisoned)]
    assert acts(poisoned) == [("catalogue-1", "discard", "Eva", "a test that got out")]


def test_set_aside_it_stays_aside_when_it_comes_again(poisoned: Storage, at_work: Worker) -> None:
    body = parked.shown(poisoned, "catalogue-1").body.encode()
    parked.discard(poisoned, "catalogue-1", "Eva", "away")
    assert inbox.store(poisoned, [body]).duplicates == 1
    at_work.run_once()
    assert [row.message_id for row in parked.listed(poisoned)] == [unreadable(poisoned)]


def test_no_fact_can_be_discarded_but_not_replayed(poisoned: Storage) -> None:
    message_id = unreadable(poisoned)
    with pytest.raises(Refused) as caught:
        parked.replay(poisoned, message_id, "Eva", "try")
    assert caught.value.refusal is parked.UNREADABLE
    parked.discard(poisoned, message_id, "Eva", "noise")
    assert [row.message_id for row in parked.listed(poisoned)] == ["catalogue-1"]


def test_what_was_done_is_listed_newest_first(poisoned: Storage, clock: FixedClock) -> None:
    parked.replay(poisoned, "catalogue-1", "Eva", "one")
    clock.time += timedelta(minutes=1)
    parked.discard(poisoned, unreadable(poisoned), "Bo", "two")
    assert [each[2:] for each in acts(poisoned)] == [("Bo", "two"), ("Eva", "one")]

"""`samklang check` finds each kind of break, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.catalogue.tables import course_seats
from services.chassis import consistency
from services.chassis.consistency import Watch
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox as inbox_table
from services.chassis.storage.tables import outbox, outbox_streams
from tests.chassis.facts import NOW, messages, record
from tests.chassis.storage.test_unit import seats


def findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return consistency.check(connection, "enrolment")


def change(storage: Storage, statement: Any) -> None:
    with storage.unit() as unit:
        unit.execute(statement)


@pytest.fixture
def busy(storage: Storage) -> Storage:
    """Five facts told, three heard."""
    record(storage, *[seats(f"c{n}") for n in range(5)])
    inbox.store(storage, messages("abc"))
    return storage


def test_an_empty_database_is_well(storage: Storage) -> None:
    assert findings(storage) == []


def test_one_at_work_is_well(busy: Storage) -> None:
    change(busy, sa.update(outbox_streams).values(sent_through=outbox_streams.c.last_sequence))
    change(
        busy,
        sa.update(inbox_table)
        .where(inbox_table.c.sequence == 2)
        .values(attempts=1, next_attempt_at=NOW + timedelta(seconds=3)),
    )
    assert findings(busy) == []


@pytest.mark.parametrize(
    "lost",
    [[1], [3], [5], [4, 5], [1, 2, 3, 4, 5]],
    ids=["the first", "one in the middle", "the last", "the last two", "all"],
)
def test_facts_missing_from_the_log_are_found(busy: Storage, lost: list[int]) -> None:
    change(busy, sa.delete(outbox).where(outbox.c.sequence.in_(lost)))
    assert findings(busy) == ["the fact log of enrolment has a gap"]


def test_a_counter_behind_its_log_is_found(busy: Storage) -> None:
    change(
        busy,
        sa.update(outbox_streams).where(outbox_streams.c.source == "enrolment").values(last_sequence=4),
    )
    assert findings(busy) == ["the fact log of enrolment has a gap"]


def test_a_fact_that_was_lost_on_the_way_is_found(busy: Storage) -> None:
    inbox.store(busy, messages("ef", first=5))
    assert findings(busy) == ["2 facts of catalogue wait for an earlier one"]


def test_parked_facts_are_found_until_they_are_handled(busy: Storage) -> None:
    inbox.store(busy, [b"nonsense"])
    change(busy, sa.update(inbox_table).where(inbox_table.c.sequence == 1).values(parked_at=NOW))
    assert findings(busy) == ["2 facts are parked"]
    change(busy, sa.update(inbox_table).values(handled_at=NOW))
    assert findings(busy) == []


def test_several_breaks_are_all_told(busy: Storage) -> None:
    change(busy, sa.delete(outbox).where(outbox.c.sequence == 2))
    inbox.store(busy, [*messages("e", first=5), b"nonsense"])
    assert len(findings(busy)) == 3


class TestWatch:
    """While a service runs it is checked now and then: for the metrics and the operations page."""

    @pytest.fixture
    def catalogue(self, make_storage: Callable[[str], Storage]) -> Storage:
        return make_storage("catalogue")

    def test_all_hold(self, catalogue: Storage) -> None:
        watch = Watch("catalogue", catalogue)
        assert (watch.findings, watch.checked_at) == ((), None)
        assert 200 < watch.run_once() < 400
        assert (watch.findings, watch.checked_at) == ((), NOW)
        assert _gauge("catalogue") == 0

    def test_findings_of_the_chassis_and_of_the_service(self, catalogue: Storage) -> None:
        inbox.store(catalogue, [b"nonsense"])
        change(
            catalogue,
            sa.insert(course_seats).values(course_id="c1", capacity=5, taken=6, waiting=0),
        )
        watch = Watch("catalogue", catalogue)
        with capture_logs() as logs:
            watch.run_once()
        assert watch.findings == (
            "1 facts are parked",
            "course c1 has 6 of 5 seats taken and 0 waiting",
        )
        assert _gauge("catalogue") == 2
        assert [(each["event"], each["findings"]) for each in logs] == [("invariants_broken", 2)]
        change(catalogue, sa.update(inbox_table).values(handled_at=NOW))
        change(catalogue, sa.delete(course_seats))
        watch.run_once()
        assert _gauge("catalogue") == 0


def _gauge(service: str) -> float | None:
    return REGISTRY.get_sample_value("samklang_check_findings", {"service": service})

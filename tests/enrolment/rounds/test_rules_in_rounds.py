"""What a rule book says of time, order and kept seats holds in a round as it does for one application."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.rule_book import Ordering, ReservedSeats, TermDays, Times
from services.enrolment.rounds.commands import FINAL, REHEARSAL
from services.enrolment.tables import applications, courses, queue_dates, round_runs
from tests.enrolment.conftest import both
from tests.enrolment.rounds.story import open_round, publish, rank, results, rules, run
from tests.enrolment.story import (
    FIDDLE,
    MARIA,
    NORRBY,
    SAMIRA,
    SODERBY,
    TERM,
    children,
    decide,
    request,
    rows_of,
    tell,
)

UNTIL_DECEMBER = Times(apply_until=TermDays(spring="12-01"))


@both
@pytest.mark.parametrize("times", [UNTIL_DECEMBER, replace(UNTIL_DECEMBER, late_if_space=True), Times()])
def test_who_ranked_in_time_is_in_time_however_late_the_round_is_run(
    storage: Storage, clock: FixedClock, times: Times
) -> None:
    rules(storage, times=times)
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle", "dance"])
    clock.time = datetime(2026, 12, 20, 9, tzinfo=UTC)  # after the rule book's last day and the county's
    run(storage)
    assert results(storage) == {"alma": "fiddle"}


def test_nothing_is_given_once_the_term_is_over(storage: Storage, clock: FixedClock) -> None:
    rules(storage)
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle"])
    clock.time = datetime(2027, 6, 10, 9, tzinfo=UTC)
    run(storage)
    assert results(storage) == {"alma": None}


def test_after_the_last_day_nobody_ranks_unless_the_rule_book_lets_late_ones_come(
    storage: Storage, clock: FixedClock
) -> None:
    rules(storage, times=UNTIL_DECEMBER)
    open_round(storage)
    clock.time = datetime(2026, 12, 3, 9, tzinfo=UTC)
    with pytest.raises(Refused) as caught:
        rank(storage, MARIA, ["alma"], ["fiddle"])
    assert caught.value.refusal.name == "application_period_closed"


@pytest.mark.parametrize(
    ("again", "is_late"),
    [(["fiddle"], True), (["fiddle", "dance"], True), (["dance", "fiddle"], False), ([], False)],
)
def test_late_wishes_stand_behind_and_a_wish_that_only_moves_is_not_late(
    storage: Storage, clock: FixedClock, again: list[str], is_late: bool
) -> None:
    rules(
        storage,
        times=replace(UNTIL_DECEMBER, late_if_space=True),
        order=("on_time_first", "host_residents_first"),
    )
    tell(storage, replace(FIDDLE, capacity=1))
    open_round(storage)
    rank(storage, SAMIRA, ["noor"], ["fiddle"])  # in time, and not of the municipality
    if not is_late:
        rank(storage, MARIA, ["alma"], ["fiddle", "dance"])
    clock.time = datetime(2026, 12, 3, 9, tzinfo=UTC)
    if again:
        rank(storage, MARIA, ["alma"], again)
    run(storage)
    assert results(storage)["noor"] == ("fiddle" if is_late or again[:1] == ["dance"] else None)
    publish(storage)
    if again == ["fiddle"]:
        (waits,) = [row for row in rows_of(storage).values() if row.pupil_id == "alma"]
        assert (waits.state, waits.queued_at) == ("queued", clock.time)


KEPT = ReservedSeats(SODERBY, 1)


@both
@pytest.mark.parametrize(
    ("kept", "typed", "gets"),
    [
        (KEPT, {}, True),
        (KEPT, {"m1902": 0}, False),
        (KEPT, {"m1901": 1}, True),
        (replace(KEPT, until=TermDays(spring="11-01")), {}, False),
        (None, {}, False),
        (None, {"m1902": 1}, True),
    ],
)
def test_the_rule_books_kept_seats_hold_unless_staff_type_others(
    storage: Storage, kept: ReservedSeats | None, typed: dict[str, int], gets: bool
) -> None:
    kept_seats = (kept,) if kept else ()
    rules(storage, order=("host_residents_first",), ordering=Ordering(reserved_seats=kept_seats))
    open_round(storage, **typed)
    for each in children(storage, 3, NORRBY, MARIA):
        rank(storage, MARIA, [each], ["fiddle"])
    rank(storage, SAMIRA, ["noor"], ["fiddle"])
    run(storage)
    assert (results(storage)["noor"] == "fiddle") == gets


def test_a_kept_seat_that_is_held_is_kept_no_more(storage: Storage) -> None:
    with storage.unit() as unit:
        unit.execute(sa.update(courses).values(round_over=True))
    rules(storage, order=("host_residents_first",), ordering=Ordering(reserved_seats=(KEPT,)))
    (other,) = children(storage, 1, SODERBY, SAMIRA)
    decide(storage, request("a1", "fiddle", other))
    open_round(storage)
    rank(storage, SAMIRA, ["noor"], ["fiddle"])
    rank(storage, MARIA, ["alma"], ["fiddle"])
    run(storage)
    assert results(storage) == {"noor": None, "alma": "fiddle"}


@both
@pytest.mark.parametrize("criterion", ["queue_date", "queue_day"])
def test_the_queue_date_in_the_subject_counts_in_the_round_and_after_it(
    storage: Storage, criterion: str
) -> None:
    rules(storage, order=(criterion,))
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)
    everybody = children(storage, 3, NORRBY, MARIA)
    with storage.unit() as unit:
        name = unit.connection.scalar(sa.select(courses.c.subject).where(courses.c.course_id == "fiddle"))
        for n, pupil in enumerate(("alma", *everybody[:2])):
            unit.execute(
                sa.insert(queue_dates).values(
                    pupil_id=pupil,
                    subject=name,
                    queued_at=long_ago + timedelta(days=n),
                )
            )
    open_round(storage)
    for each in (*everybody, "alma"):
        rank(storage, MARIA, [each], ["fiddle"])
    run(storage)
    assert {pupil for pupil, course in results(storage).items() if course} == {"alma", everybody[0]}
    publish(storage)
    kept = {row.pupil_id: row.queued_at for row in rows_of(storage).values() if row.state == "queued"}
    assert kept[everybody[1]] == long_ago + timedelta(days=2)
    with storage.reading() as connection:
        dates = {row.pupil_id: row.queued_at for row in connection.execute(sa.select(queue_dates))}
    assert dates == kept  # a place has used up the others


def test_who_left_the_school_terms_ago_is_a_new_pupil(storage: Storage) -> None:
    rules(storage, order=("new_pupils_first",))
    tell(storage, replace(FIDDLE, capacity=1))
    old = datetime(2025, 8, 1, tzinfo=UTC).date()
    tell(storage, replace(TERM, term_id="ht25", starts_on=old, ends_on=old + timedelta(days=120)))
    tell(storage, replace(FIDDLE, course_id="then", term_id="ht25"))
    everybody = children(storage, 4, NORRBY, MARIA)
    with storage.unit() as unit:
        unit.execute(sa.update(courses).values(round_over=True))
    with storage.unit() as unit:  # those were on a course then, and one is on another one now
        unit.execute(
            sa.insert(applications), [_place(f"then-{each}", each, "then") for each in everybody[1:]]
        )
        unit.execute(sa.insert(applications), [_place(f"now-{everybody[0]}", everybody[0], "dance")])
    open_round(storage)
    for each in everybody[:2]:
        rank(storage, MARIA, [each], ["fiddle"])
    run(storage)
    assert results(storage) == {everybody[0]: None, everybody[1]: "fiddle"}


def _place(application_id: str, pupil_id: str, course_id: str) -> dict[str, Any]:
    at = datetime(2025, 8, 1, tzinfo=UTC)
    same = {"home_municipality": NORRBY, "rule": "free_seat", "basis": "a", "explanation": "{}"}
    times = {"queued_at": at, "decided_at": at, "changed_at": at}
    who = {"pupil_id": pupil_id, "guardian_id": MARIA, "applied_by": "the tests"}
    return {
        "application_id": application_id,
        "course_id": course_id,
        "state": "placed",
        **who,
        **same,
        **times,
    }


def test_a_rehearsal_is_the_final_run_on_the_same_input(storage: Storage) -> None:
    rules(storage, order=("host_residents_first", "lottery"), ordering=Ordering(reserved_seats=(KEPT,)))
    open_round(storage)
    for each in children(storage, 7, NORRBY, MARIA):
        rank(storage, MARIA, [each], ["fiddle", "dance"])
    for each in children(storage, 3, SODERBY, SAMIRA):
        rank(storage, SAMIRA, [each], ["fiddle"])
    run(storage, "before", REHEARSAL)
    run(storage, "counts", FINAL)
    with storage.reading() as connection:
        digests = set(connection.scalars(sa.select(round_runs.c.digest)))
    assert len(digests) == 1
    assert results(storage, "before") == results(storage, "counts")

"""Offers with a last day, refusals, and who is passed over for a seat: by what the rule book says."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import ApplicationEnded, ApplicationQueued, PlaceOffered
from services.contracts.fact import LocalText
from services.contracts.rule_book import Answering, Limits, Ordering, ReservedSeats, RuleBook
from services.contracts.rule_dates import TermDays
from services.contracts.rule_prices import PriceRule, Pricing, Withdrawal, WithdrawalStep
from services.enrolment import checks, commands, queries
from services.enrolment.expiry import LOOK_AGAIN_SECONDS, OfferExpiry
from services.enrolment.tables import ceilings, queue_dates
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    CIRCUS,
    FIDDLE,
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    NOW,
    SODERBY,
    TODAY,
    applied,
    children,
    decide,
    facts,
    names,
    request,
    seats,
    states,
    tell,
)


def rules(storage: Storage, **changes: Any) -> RuleBook:
    """Norrby's rule book, changed."""
    book = replace(NORRBYS_RULES, **changes)
    tell(storage, RuleBookPublished("norrby-2024", book))
    return book


def full_course(storage: Storage, waiting: int, home: str = NORRBY) -> list[str]:
    """Two children have the seats of the fiddle course (a0, a1), others wait (a2 ...); the pupils' ids."""
    ids = children(storage, 2 + waiting, home)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    return ids


def do(storage: Storage, command: Any, application_id: str) -> None:
    with storage.unit() as unit:
        command(unit, application_id, "the tests")


def event_reasons(storage: Storage, application_id: str, what: str) -> list[str]:
    with storage.reading() as connection:
        return [each.why for each in queries.events(connection, application_id) if each.what == what]


class TestExpiry:
    @both
    def test_an_offer_stands_to_its_last_day_and_then_goes_to_the_next(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        rules(storage, answering=Answering(answer_days=4))
        full_course(storage, 2)
        do(storage, commands.withdraw, "a0")
        (offer,) = facts(storage, PlaceOffered)
        # Four days after Tuesday 24 November is a Saturday.
        assert (offer.application_id, offer.answer_by) == ("a2", date(2026, 11, 30))
        expiry = OfferExpiry(storage)
        clock.time = datetime(2026, 11, 30, 22, 59, tzinfo=UTC)  # a minute to midnight in Sweden
        assert expiry.run_once() > 0
        assert states(storage)["a2"] == "offered"
        clock.time += timedelta(minutes=1)
        assert expiry.run_once() > 0
        assert states(storage) == {"a0": "withdrawn", "a1": "placed", "a2": "expired", "a3": "offered"}
        assert [fact.outcome for fact in facts(storage, ApplicationEnded)] == ["withdrawn", "expired"]
        assert seats(storage) == (2, 2, 0)
        expiry.run_once()
        assert states(storage)["a3"] == "offered"
        with storage.reading() as connection:
            assert checks.check(connection) == []

    def test_who_accepts_too_late_is_told_why(self, storage: Storage, clock: FixedClock) -> None:
        rules(storage, answering=Answering(answer_days=1))
        full_course(storage, 1)
        do(storage, commands.withdraw, "a0")
        clock.time = NOW + timedelta(days=2)
        with pytest.raises(Refused) as refused, storage.unit() as unit:
            commands.accept_offer(unit, "a2", "the tests")
        assert refused.value.refusal.name == "offer_expired"
        assert states(storage)["a2"] == "offered"

    def test_without_an_answer_time_an_offer_stands(self, storage: Storage, clock: FixedClock) -> None:
        full_course(storage, 1)
        do(storage, commands.withdraw, "a0")
        clock.time = NOW + timedelta(days=20)
        OfferExpiry(storage).run_once()
        assert states(storage)["a2"] == "offered"
        assert facts(storage, PlaceOffered)[0].answer_by is None


class TestRefusals:
    def test_the_first_refusal_keeps_the_place_and_the_second_loses_it(self, storage: Storage) -> None:
        rules(storage, answering=Answering(answer_days=7, declines_kept=1))
        full_course(storage, 2)
        do(storage, commands.withdraw, "a0")
        do(storage, commands.decline_offer, "a2")
        assert states(storage) == {"a0": "withdrawn", "a1": "placed", "a2": "queued", "a3": "offered"}
        kept = facts(storage, ApplicationQueued)[-1]
        assert (kept.application_id, kept.position, kept.rule) == ("a2", 1, "kept_after_refusal")
        assert event_reasons(storage, "a2", "skipped") == ["declined_this_seat"]
        do(storage, commands.withdraw, "a1")  # another seat: it is asked again
        assert states(storage)["a2"] == "offered"
        do(storage, commands.decline_offer, "a2")
        assert states(storage)["a2"] == "declined"
        with storage.reading() as connection:
            assert (
                connection.execute(
                    sa.select(queue_dates).where(queue_dates.c.pupil_id == "child-1901-0002")
                ).all()
                == []
            )
            assert checks.check(connection) == []

    def test_a_seat_that_all_who_wait_said_no_to_goes_to_who_comes(self, storage: Storage) -> None:
        rules(storage, answering=Answering(declines_kept=3))
        full_course(storage, 1)
        do(storage, commands.withdraw, "a0")
        do(storage, commands.decline_offer, "a2")
        assert seats(storage) == (2, 1, 1)
        assert applied(storage, "new").state == "placed"
        assert seats(storage) == (2, 2, 1)

    def test_an_expired_offer_may_end_the_application_at_once(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        rules(storage, answering=Answering(answer_days=1, declines_kept=1, expiry_is_refusal=False))
        full_course(storage, 1)
        do(storage, commands.withdraw, "a0")
        clock.time = NOW + timedelta(days=3)
        OfferExpiry(storage).run_once()
        assert states(storage)["a2"] == "expired"


class TestOneInstrument:
    VIOLA = replace(FIDDLE, course_id="viola", capacity=1, weekday=2)

    def test_accepting_leaves_the_other_instrument_queues_of_the_school(self, storage: Storage) -> None:
        rules(storage, limits=Limits(one_instrument=True))
        tell(storage, self.VIOLA, replace(FIDDLE, course_id="drama", fee_kind="theatre", capacity=1))
        ids = full_course(storage, 1)
        for course in ("viola", "drama", "circus"):
            decide(storage, request(f"first-{course}", course, "alma" if course != "circus" else "noor"))
            decide(storage, request(f"mine-{course}", course, ids[2]))
        do(storage, commands.withdraw, "a0")
        do(storage, commands.accept_offer, "a2")
        assert states(storage)["a2"] == "placed"
        assert states(storage, "viola")["mine-viola"] == "one_instrument"
        assert states(storage, "drama")["mine-drama"] == "queued"  # no instrument
        assert states(storage, "circus")["mine-circus"] == "queued"  # another school's own rules
        assert seats(storage, "viola") == (1, 1, 0)

    def test_a_place_at_once_does_the_same(self, storage: Storage) -> None:
        rules(storage, limits=Limits(one_instrument=True))
        tell(storage, self.VIOLA)
        (first,) = children(storage, 1)
        decide(storage, request("first", "viola", first))
        decide(storage, request("mine-viola", "viola", "alma"))
        assert names(decide(storage, request("mine", pupil_id="alma"))) == ["placed"]
        assert states(storage, "viola") == {"first": "placed", "mine-viola": "one_instrument"}
        assert seats(storage, "viola") == (1, 1, 0)
        with storage.reading() as connection:
            assert checks.check(connection) == []

    def test_of_two_that_are_decided_together_too(self, storage: Storage) -> None:
        rules(storage, limits=Limits(one_instrument=True))
        tell(storage, self.VIOLA)
        (first,) = children(storage, 1)
        decide(storage, request("first", "viola", first))
        decide(storage, request("mine-viola", "viola", "alma"), request("mine", pupil_id="alma"))
        assert states(storage, "viola")["mine-viola"] == "one_instrument"
        assert (states(storage)["mine"], seats(storage, "viola")) == ("placed", (1, 1, 0))
        told = [type(fact).__name__ for fact in facts(storage) if getattr(fact, "pupil_id", "") == "alma"]
        assert told[:3] == ["ApplicationQueued", "PlaceGiven", "ApplicationEnded"]

    def test_a_seat_that_was_offered_goes_to_the_next(self, storage: Storage) -> None:
        rules(storage, limits=Limits(one_instrument=True))
        tell(storage, self.VIOLA)
        first, after = children(storage, 2)
        decide(storage, request("first", "viola", first), request("mine-viola", "viola", "alma"))
        decide(storage, request("after", "viola", after))
        do(storage, commands.withdraw, "first")
        assert states(storage, "viola")["mine-viola"] == "offered"
        decide(storage, request("mine", pupil_id="alma"))
        assert states(storage, "viola") == {
            "first": "withdrawn",
            "mine-viola": "one_instrument",
            "after": "offered",
        }

    def test_who_has_one_gets_no_other(self, storage: Storage) -> None:
        rules(storage, limits=Limits(one_instrument=True))
        tell(storage, self.VIOLA, replace(FIDDLE, course_id="drama", fee_kind="theatre", weekday=3))
        assert names(decide(storage, request("mine", pupil_id="alma"))) == ["placed"]
        assert names(decide(storage, request("more", "viola", "alma"))) == ["too_many_instruments"]
        assert names(decide(storage, request("drama", "drama", "alma"))) == ["placed"]


class TestPassedOver:
    def test_reserved_seats_go_to_their_municipality_and_the_others_are_told(self, storage: Storage) -> None:
        kept = Ordering(reserved_seats=(ReservedSeats(SODERBY, 1),))
        rules(storage, ordering=kept)
        first, second = children(storage, 2)
        answers = decide(storage, request("a0", pupil_id=first), request("a1", pupil_id=second))
        assert names(answers) == ["placed", "queued 1"]
        assert answers[1].rule == "reserved_seat"  # type: ignore[union-attr]  # an outcome, as named above
        assert names(decide(storage, request("a2", pupil_id="noor"))) == ["placed"]
        assert seats(storage) == (2, 2, 1)

    def test_a_reserved_seat_that_nobody_came_for_goes_to_who_waits_after_its_day(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        until = TermDays(spring="12-10")
        rules(storage, ordering=Ordering(reserved_seats=(ReservedSeats(SODERBY, 1, until),)))
        first, second = children(storage, 2)
        decide(storage, request("a0", pupil_id=first), request("a1", pupil_id=second))
        expiry = OfferExpiry(storage)
        clock.time = datetime(2026, 12, 10, 22, 59, tzinfo=UTC)
        expiry.run_once()
        assert states(storage)["a1"] == "queued"
        clock.time = datetime(2026, 12, 10, 23, 1, tzinfo=UTC)
        expiry.run_once()
        assert (states(storage)["a1"], seats(storage)) == ("offered", (2, 2, 0))
        expiry.run_once()
        assert len(facts(storage, PlaceOffered)) == 1

    def test_a_ceiling_that_is_raised_gives_the_seat_soon(
        self, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pays_for_none = {"municipality_code": SODERBY, "term_id": "vt27", "most_places": 0}
        with storage.unit() as unit:
            unit.execute(sa.insert(ceilings).values(**pays_for_none, set_by="x", set_at=NOW))
        assert names(decide(storage, request("a0", pupil_id="noor"))) == ["queued 1"]
        expiry = OfferExpiry(storage)
        expiry.run_once()
        with storage.unit() as unit:
            unit.execute(sa.update(ceilings).values(most_places=1))
        expiry.run_once()
        assert states(storage) == {"a0": "queued"}  # it has just looked
        later = time.monotonic() + LOOK_AGAIN_SECONDS
        monkeypatch.setattr(time, "monotonic", lambda: later)
        expiry.run_once()
        assert states(storage) == {"a0": "offered"}

    def test_before_the_round_no_seat_goes_to_one_alone(self, storage: Storage) -> None:
        full_course(storage, 1)
        rules(storage, admission="round")
        do(storage, commands.withdraw, "a0")
        OfferExpiry(storage).run_once()
        assert states(storage)["a2"] == "queued"

    def test_a_home_municipality_that_pays_for_no_more_is_passed_over(self, storage: Storage) -> None:
        with storage.unit() as unit:
            unit.execute(
                sa.insert(ceilings).values(
                    municipality_code=SODERBY, term_id="vt27", most_places=1, set_by="x", set_at=NOW
                )
            )
        theirs = children(storage, 2, SODERBY)
        assert names(decide(storage, *(request(each, pupil_id=each) for each in theirs))) == [
            "placed",
            "queued 1",
        ]
        # At home it counts for nothing.
        tell(storage, replace(CIRCUS, capacity=9))
        assert names(decide(storage, request("home", "circus", theirs[1]))) == ["placed"]
        assert names(decide(storage, request("alma"))) == ["placed"]
        full = children(storage, 1)
        decide(storage, request("last", pupil_id=full[0], queued_at=NOW + timedelta(seconds=1)))
        do(storage, commands.withdraw, "alma")
        assert states(storage)["last"] == "offered"
        assert event_reasons(storage, theirs[1], "skipped") == ["ceiling_reached"]

    def test_a_ceiling_in_kronor_counts_the_fee(self, storage: Storage) -> None:
        with storage.unit() as unit:
            unit.execute(
                sa.insert(ceilings).values(
                    municipality_code=SODERBY, term_id="vt27", most_ore=85000, set_by="x", set_at=NOW
                )
            )
        theirs = children(storage, 2, SODERBY)
        answers = decide(storage, *(request(each, pupil_id=each) for each in theirs))
        assert names(answers) == ["placed", "queued 1"]


class TestQueueDates:
    def test_one_queue_date_a_subject_follows_the_child_to_another_school(self, storage: Storage) -> None:
        full_course(storage, 0)
        long_ago = datetime(2026, 11, 2, tzinfo=UTC)
        decide(storage, request("mine", pupil_id="alma", queued_at=long_ago))
        tell(storage, replace(CIRCUS, capacity=1))
        decide(storage, request("first", "circus", "noor"))
        decide(storage, request("before", "circus", "anton"))
        tell(storage, RuleBookPublished("soderby-2024", replace(NORRBYS_RULES, rule_book_id="soderby-2024")))
        assert names(decide(storage, request("later", "circus", "alma"))) == ["queued 1"]
        with storage.reading() as connection:
            found = queries.application(connection, "later", TODAY)
        assert found is not None
        assert found.queued_at == long_ago

    def test_another_subject_has_a_date_of_its_own(self, storage: Storage) -> None:
        full_course(storage, 0)
        decide(storage, request("mine", pupil_id="alma", queued_at=datetime(2026, 11, 2, tzinfo=UTC)))
        tell(storage, replace(CIRCUS, capacity=1, queue_subject="circus"))
        decide(storage, request("first", "circus", "noor"))
        decide(storage, request("later", "circus", "alma"))
        with storage.reading() as connection:
            found = queries.application(connection, "later", TODAY)
        assert found is not None
        assert found.queued_at == NOW

    def test_a_withdrawn_place_in_the_queue_loses_the_date(self, storage: Storage) -> None:
        full_course(storage, 0)
        decide(storage, request("mine", pupil_id="alma", queued_at=datetime(2026, 11, 2, tzinfo=UTC)))
        do(storage, commands.withdraw, "mine")
        decide(storage, request("again", pupil_id="alma"))
        with storage.reading() as connection:
            found = queries.application(connection, "again", TODAY)
        assert found is not None
        assert found.queued_at == NOW

    @both
    def test_a_cancelled_course_gives_the_dates_back(self, storage: Storage) -> None:
        long_ago = datetime(2026, 11, 2, tzinfo=UTC)
        full_course(storage, 0)
        decide(storage, request("mine", pupil_id="alma", queued_at=long_ago))
        do(storage, commands.withdraw, "a0")
        do(storage, commands.accept_offer, "mine")
        with storage.unit() as unit:
            commands.cancel_course(unit, "fiddle", "the tests")
        tell(storage, replace(FIDDLE, course_id="new", capacity=1))
        decide(storage, request("first", "new", children(storage, 1, SODERBY)[0]))
        assert names(decide(storage, request("next", "new", "alma"))) == ["queued 1"]
        with storage.reading() as connection:
            found = queries.application(connection, "next", TODAY)
        assert found is not None
        assert found.queued_at == long_ago


def test_who_is_ahead_is_told_by_kind(storage: Storage) -> None:
    full_course(storage, 3)
    with storage.reading() as connection:
        last = queries.application(connection, "a4", TODAY)
        first = queries.application(connection, "a2", TODAY)
    assert last is not None
    assert first is not None
    assert (last.position, last.ahead) == (3, {"queue_date": 2})
    assert (first.position, first.ahead) == (1, {})


def test_a_late_withdrawal_costs_what_the_rule_book_says(storage: Storage) -> None:
    text = LocalText("Hela avgiften.", "The whole fee.")
    rules(storage, withdrawal=Withdrawal(steps=(WithdrawalStep("late", text, "end", None),)))
    applied(storage)
    with storage.reading() as connection:
        _, cost = queries.withdrawal(connection, "a1", MARIA, TODAY)
    assert cost is not None
    assert (cost.cost_ore, cost.rule) == (85000, "norrby-2024/withdrawal/late")
    do(storage, commands.withdraw, "a1")
    assert facts(storage, ApplicationEnded)[0].cost_ore == 85000
    assert event_reasons(storage, "a1", "ended") == ["withdrawn, 85000 öre by norrby-2024/withdrawal/late"]


def test_the_price_counts_the_familys_places_at_the_school(storage: Storage, clock: FixedClock) -> None:
    second = PriceRule("second_child", LocalText("Andra", "Second"), "percent", 50, child_from=2)
    rules(storage, pricing=Pricing(rules=(second,)))
    tell(storage, replace(FIDDLE, max_age=19))
    applied(storage, "a1", pupil_id="alma")
    clock.time += timedelta(seconds=1)
    applied(storage, "a2", pupil_id="leo")
    with storage.reading() as connection:
        found = [queries.application(connection, each, TODAY) for each in ("a1", "a2")]
    assert [each.fee_ore for each in found if each is not None] == [85000, 42500]

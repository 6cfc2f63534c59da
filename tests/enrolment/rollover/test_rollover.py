"""Places and queue positions carried over: what the dry run lists, and that the run does it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import MunicipalityRegistered, RuleBookPublished, TermOpened
from services.contracts.enrolment import (
    ApplicationEnded,
    ApplicationQueued,
    PlaceGiven,
    PlaceNotContinued,
    PlaceOffered,
    PlacePriced,
)
from services.contracts.fact import LocalText
from services.contracts.rule_book import Answering, CarryOver, Eligibility, Limits
from services.contracts.rule_prices import Pricing, Rental
from services.enrolment import commands, next_term, queries
from services.enrolment.ceilings import set_ceiling
from services.enrolment.choices import change_chosen
from services.enrolment.domain.requests import Chosen
from services.enrolment.expiry import OfferExpiry
from services.enrolment.pricer import Pricer
from services.enrolment.rollover.loading import next_application_id
from services.enrolment.tables import queue_dates, rollover_effects, rollovers
from tests.enrolment.conftest import both
from tests.enrolment.rollover.story import (
    AUTUMN,
    LUNDS_WAY,
    NEXT_DANCE,
    NEXT_FIDDLE,
    STAFF,
    autumn_comes,
    by_pupil,
    dry_run,
    in_autumn,
    looked_at,
    run,
    said,
)
from tests.enrolment.story import (
    DANCE,
    FIDDLE,
    NORRBY,
    NORRBYS_RULES,
    SODERBY,
    all_is_well,
    applied,
    children,
    count,
    decide,
    facts,
    names,
    request,
    rows_of,
    seats,
    seats_said,
    states,
    tell,
)


def two_places_and_a_queue(storage: Storage, waiting: int = 2) -> list[str]:
    """a0 and a1 have the fiddle's two seats, a2 ... wait; the pupils' ids."""
    ids = children(storage, 2 + waiting)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    return ids


def events_of(storage: Storage, application_id: str) -> list[tuple[str, str, str]]:
    with storage.reading() as connection:
        return [(each.by, each.what, each.why) for each in queries.events(connection, application_id)]


class TestContinuing:
    @both
    def test_places_continue_and_the_queue_follows_with_its_dates(self, storage: Storage) -> None:
        ids = two_places_and_a_queue(storage)
        dates = {row.pupil_id: row.queued_at for row in rows_of(storage).values()}
        autumn_comes(storage)
        assert said(dry_run(storage).effects) == {
            "a0": ("continues", "carried_over"),
            "a1": ("continues", "carried_over"),
            "a2": ("waits", "queue_carried_over"),
            "a3": ("waits", "queue_carried_over"),
        }
        run(storage)
        states_now = dict(zip(ids, ("placed", "placed", "queued", "queued"), strict=True))
        assert by_pupil(storage) == states_now
        assert {
            r.pupil_id: r.queued_at for r in rows_of(storage).values() if r.course_id != "fiddle"
        } == dates
        assert states(storage) == {"a0": "placed", "a1": "placed"}  # until the term is over
        assert (seats(storage), seats(storage, "fiddle-ht27")) == ((2, 2, 0), (2, 2, 2))
        given = facts(storage, PlaceGiven)[2:]
        assert [(fact.pupil_id, fact.term_id, fact.rule) for fact in given] == [
            (ids[0], "ht27", "carried_over"),
            (ids[1], "ht27", "carried_over"),
        ]
        queued = facts(storage, ApplicationQueued)[2:]
        assert [(fact.application_id, fact.position, fact.course_id) for fact in queued] == [
            ("a2", 1, "fiddle-ht27"),
            ("a3", 2, "fiddle-ht27"),
        ]
        assert facts(storage, ApplicationEnded, PlaceNotContinued) == []
        assert all_is_well(storage)

    @both
    def test_pressing_twice_does_it_once(self, storage: Storage) -> None:
        two_places_and_a_queue(storage)
        autumn_comes(storage)
        digest = looked_at(storage).given.digest
        run(storage, digest=digest)
        log, rows = facts(storage), rows_of(storage)
        run(storage, digest=digest)  # the same form again
        with pytest.raises(Refused) as refused:
            run(storage, "r2", digest=digest)  # another tab that looked before
        assert refused.value.refusal.name == "rollover_changed"
        assert (facts(storage), rows_of(storage)) == (log, rows)
        assert count(storage, rollovers) == 1

    @both
    def test_five_clicks_at_the_same_time_do_it_once(self, storage: Storage) -> None:
        ids = two_places_and_a_queue(storage)
        autumn_comes(storage)
        digest = looked_at(storage).given.digest
        pool = eventlet.GreenPool(10)
        clicks = [pool.spawn(run, storage, "r1", digest=digest) for _ in range(5)]
        for click in clicks:
            click.wait()
        assert sorted(by_pupil(storage)) == sorted(ids)
        assert count(storage, rollovers) == 1
        assert len(facts(storage, PlaceGiven)) == 4
        assert all_is_well(storage)

    def test_a_second_look_finds_nothing_left_to_do(self, storage: Storage) -> None:
        two_places_and_a_queue(storage)
        autumn_comes(storage)
        run(storage)
        assert set(said(dry_run(storage).effects).values()) == {("stays", "there_already")}
        log, rows = facts(storage), rows_of(storage)
        run(storage, "r2")
        assert facts(storage) == log
        assert rows_of(storage) == rows

    def test_who_looked_before_something_changed_is_refused(self, storage: Storage) -> None:
        two_places_and_a_queue(storage)
        autumn_comes(storage)
        digest = looked_at(storage).given.digest
        with storage.unit() as unit:
            commands.withdraw(unit, "a0", "the tests")
        with pytest.raises(Refused) as refused:
            run(storage, digest=digest)
        assert refused.value.refusal.name == "rollover_changed"
        assert by_pupil(storage) == {}
        assert count(storage, rollovers) == 0

    def test_another_day_is_another_input(self, storage: Storage) -> None:
        """The last days to answer are counted from the day it is done."""
        two_places_and_a_queue(storage)
        autumn_comes(storage)
        there = looked_at(storage).given
        assert there.digest == looked_at(storage).given.digest
        assert there.digest != looked_at(storage, today=date(2026, 11, 25)).given.digest

    def test_the_trail_says_who_when_and_why(self, storage: Storage) -> None:
        two_places_and_a_queue(storage, 0)
        autumn_comes(storage)
        run(storage)
        with storage.reading() as connection:
            (row,) = connection.execute(sa.select(rollovers)).all()
            effects = connection.execute(sa.select(rollover_effects)).all()
        assert (row.run_by, row.why, row.term_id, row.scope) == (STAFF, "the term ends", "ht27", NORRBY)
        assert [(each.application_id, each.kind) for each in effects] == [
            ("a0", "continues"),
            ("a1", "continues"),
        ]
        assert (STAFF, "placed", "carried_over") in events_of(storage, next_application_id("ht27", "a0"))

    def test_a_school_carries_over_its_own_only(self, storage: Storage) -> None:
        applied(storage, "n1", "circus", "noor")
        two_places_and_a_queue(storage, 0)
        autumn_comes(
            storage, NEXT_FIDDLE, in_autumn(replace(FIDDLE, course_id="circus"), municipality_code=SODERBY)
        )
        run(storage)
        assert "noor" not in by_pupil(storage, "circus-ht27")
        assert set(said(dry_run(storage, SODERBY).effects)) == {"n1"}

    def test_places_that_came_after_follow_with_the_next_run(self, storage: Storage) -> None:
        children(storage, 2)
        applied(storage, "a0", pupil_id="child-1901-0000")
        autumn_comes(storage)
        run(storage)
        applied(storage, "a1", pupil_id="child-1901-0001")
        assert said(dry_run(storage).effects)["a1"] == ("continues", "carried_over")
        run(storage, "r2")
        assert set(by_pupil(storage).values()) == {"placed"}

    def test_a_place_given_up_in_the_next_term_does_not_come_back(self, storage: Storage) -> None:
        two_places_and_a_queue(storage, 0)
        autumn_comes(storage)
        run(storage)
        with storage.unit() as unit:
            commands.withdraw(unit, next_application_id("ht27", "a0"), "the tests")
        run(storage, "r2")
        assert sorted(by_pupil(storage).values()) == ["placed", "withdrawn"]


class TestSeats:
    def test_until_it_is_settled_the_seats_are_kept_for_who_is_there(self, storage: Storage) -> None:
        two_places_and_a_queue(storage, 0)
        autumn_comes(storage)
        (known,) = [fact for fact in seats_said(storage) if fact.course_id == "fiddle-ht27"]
        assert (known.capacity, known.taken) == (2, 2)
        answers = decide(storage, request("b1", "fiddle-ht27", "alma"))
        assert names(answers) == ["queued 1"]
        assert rows_of(storage)["b1"].rule == "kept_seats"
        run(storage)
        assert sorted(by_pupil(storage).values()) == ["placed", "placed", "queued"]
        assert all_is_well(storage)

    def test_a_seat_that_nobody_has_is_there_for_who_comes(self, storage: Storage) -> None:
        two_places_and_a_queue(storage, 0)
        autumn_comes(storage, replace(NEXT_FIDDLE, capacity=3))
        assert names(decide(storage, request("b1", "fiddle-ht27", "alma"))) == ["placed"]
        assert names(decide(storage, request("b2", "fiddle-ht27", "noor"))) == ["queued 1"]

    def test_a_seat_that_comes_free_goes_to_the_next_in_line_in_the_same_run(self, storage: Storage) -> None:
        ids = two_places_and_a_queue(storage)
        autumn_comes(storage, answering=Answering(answer_days=7))
        with storage.unit() as unit:
            next_term.give_up(unit, "a0", "the family")
        plan = dry_run(storage)
        assert said(plan.effects) == {
            "a0": ("ends", "given_up"),
            "a1": ("continues", "carried_over"),
            "a2": ("offered", "next_in_queue"),
            "a3": ("waits", "queue_carried_over"),
        }
        run(storage)
        assert by_pupil(storage) == {ids[1]: "placed", ids[2]: "offered", ids[3]: "queued"}
        (offer,) = facts(storage, PlaceOffered)
        assert (offer.application_id, offer.answer_by) == ("a2", date(2026, 12, 1))
        (told,) = facts(storage, PlaceNotContinued)
        assert (told.application_id, told.reason, told.term_id) == ("a0", "given_up", "ht27")
        assert states(storage)["a0"] == "placed"  # the spring's place stands
        assert all_is_well(storage)

    def test_where_there_are_fewer_seats_who_has_been_there_longest_keeps_its_own(
        self, storage: Storage
    ) -> None:
        ids = two_places_and_a_queue(storage, 1)
        autumn_comes(storage, replace(NEXT_FIDDLE, capacity=1))
        run(storage)
        assert by_pupil(storage) == {ids[0]: "placed", ids[1]: "queued", ids[2]: "queued"}
        first, second = facts(storage, ApplicationQueued)[-2:]
        assert (first.pupil_id, first.position, first.rule) == (ids[1], 1, "fewer_seats")
        assert (second.pupil_id, second.position) == (ids[2], 2)
        assert all_is_well(storage)

    def test_who_waits_there_already_is_given_its_seat(self, storage: Storage) -> None:
        ids = two_places_and_a_queue(storage, 0)
        autumn_comes(storage)
        assert names(decide(storage, request("b1", "fiddle-ht27", ids[0]))) == ["queued 1"]
        run(storage)
        assert rows_of(storage)["b1"].state == "placed"
        assert by_pupil(storage) == dict.fromkeys(ids, "placed")
        assert all_is_well(storage)

    def test_a_home_municipality_pays_for_no_more_than_its_ceiling(self, storage: Storage) -> None:
        ids = children(storage, 2, SODERBY)
        decide(storage, *(request(f"s{n}", pupil_id=each) for n, each in enumerate(ids)))
        autumn_comes(storage)
        with storage.unit() as unit:
            set_ceiling(unit, SODERBY, "ht27", "the tests", most_places=1, most_ore=None)
        assert said(dry_run(storage).effects) == {
            "s0": ("continues", "carried_over"),
            "s1": ("ends", "ceiling_reached"),
        }

    def test_who_is_passed_by_has_the_reason_recorded(self, storage: Storage) -> None:
        """The first in line has as many courses as the school allows."""
        ids = two_places_and_a_queue(storage)
        limits = Limits(courses=1)
        autumn_comes(storage, replace(NEXT_FIDDLE, capacity=3), in_autumn(DANCE), limits=limits)
        decide(storage, request("d1", "dance-ht27", ids[2]))
        run(storage)
        assert by_pupil(storage) == {
            **dict.fromkeys(ids[:2], "placed"),
            ids[2]: "queued",
            ids[3]: "offered",
        }
        assert ("enrolment", "skipped", "has_enough") in events_of(storage, "a2")
        assert all_is_well(storage)


class TestEnding:
    def test_the_reasons_by_name(self, storage: Storage) -> None:
        """Alma is too old for the autumn's course, the dance is not continued, Söderby has left."""
        applied(storage, "a1")
        applied(storage, "n1", pupil_id="noor")
        autumn_comes(storage, replace(NEXT_FIDDLE, max_age=9))
        tell(storage, MunicipalityRegistered(SODERBY, "Söderby", None, date(2015, 1, 1), date(2027, 6, 30)))
        assert said(dry_run(storage).effects) == {
            "a1": ("ends", "pupil_too_old"),
            "n1": ("ends", "home_municipality_not_a_member"),
        }
        run(storage)
        assert {f.pupil_id: f.reason for f in facts(storage, PlaceNotContinued)} == {
            "alma": "pupil_too_old",
            "noor": "home_municipality_not_a_member",
        }

    def test_a_course_that_is_not_continued(self, storage: Storage) -> None:
        """Its places end with the term. Who waited keeps the queue date of the subject."""
        two_places_and_a_queue(storage, 1)
        autumn_comes(storage, NEXT_DANCE)
        assert said(dry_run(storage).effects) == {
            "a0": ("ends", "course_not_continued"),
            "a1": ("ends", "course_not_continued"),
            "a2": ("ends", "course_not_continued"),
        }
        queued_at = rows_of(storage)["a2"].queued_at
        run(storage)
        assert states(storage) == {"a0": "placed", "a1": "placed", "a2": "not_carried_over"}
        (ended,) = facts(storage, ApplicationEnded)
        assert (ended.outcome, ended.had) == ("not_carried_over", "queue")
        with storage.reading() as connection:
            (kept,) = connection.execute(sa.select(queue_dates)).all()
        assert kept.queued_at == queued_at
        assert all_is_well(storage)

    def test_a_family_is_told_once_that_its_place_ends(self, storage: Storage) -> None:
        two_places_and_a_queue(storage, 0)
        autumn_comes(storage, NEXT_DANCE)
        run(storage)
        run(storage, "r2")
        assert len(facts(storage, PlaceNotContinued)) == 2
        # The school publishes the course after all.
        tell(storage, NEXT_FIDDLE)
        run(storage, "r3")
        assert set(by_pupil(storage).values()) == {"placed"}

    def test_nothing_is_carried_over_to_a_term_without_courses(self, storage: Storage) -> None:
        two_places_and_a_queue(storage, 0)
        tell(storage, AUTUMN)
        with pytest.raises(Refused) as refused:
            run(storage)
        assert refused.value.refusal.name == "no_course_continues"

    def test_terms_that_are_not_there(self, storage: Storage) -> None:
        tell(storage, replace(NEXT_FIDDLE, term_id="vt20"))
        with pytest.raises(Refused) as refused:
            looked_at(storage)
        assert refused.value.refusal.name == "term_unknown"
        tell(storage, TermOpened("ht27", LocalText("x", "x"), date(2020, 1, 1), date(2020, 5, 1), None, None))
        with pytest.raises(Refused) as refused:
            looked_at(storage)
        assert refused.value.refusal.name == "no_term_before"

    def test_the_same_id_for_another_term_is_refused(self, storage: Storage) -> None:
        two_places_and_a_queue(storage, 0)
        autumn_comes(storage)
        run(storage)
        with pytest.raises(Refused) as refused:
            run(storage, scope="19")
        assert refused.value.refusal.name == "rollover_id_taken"


class TestConfirming:
    @both
    def test_a_place_is_kept_by_who_confirms_it_and_goes_to_the_next_in_line_else(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        ids = two_places_and_a_queue(storage)
        autumn_comes(storage, carry_over=LUNDS_WAY)
        clock.time = datetime(2027, 4, 12, 9, 0, tzinfo=UTC)
        run(storage)
        assert by_pupil(storage) == dict(zip(ids, ("offered", "offered", "queued", "queued"), strict=True))
        first, second = facts(storage, PlaceOffered)
        # 1 May is a Saturday, and a holiday.
        assert (first.rule, first.answer_by, second.answer_by) == (
            "carried_over", date(2027, 5, 3), date(2027, 5, 3),
        )  # fmt: skip
        assert {f.renew_by for f in facts(storage, ApplicationQueued)[-2:]} == {date(2027, 5, 3)}
        with storage.unit() as unit:
            commands.accept_offer(unit, first.application_id, "the family")
            next_term.confirm(unit, "a2", "the family")
        given = facts(storage, PlaceGiven)[-1]
        assert (given.pupil_id, given.rule) == (first.pupil_id, "carried_over")
        expiry = OfferExpiry(storage)
        clock.time = datetime(2027, 5, 3, 21, 59, tzinfo=UTC)
        expiry.run_once()
        assert "not_renewed" not in by_pupil(storage).values()
        clock.time = datetime(2027, 5, 3, 22, 1, tzinfo=UTC)  # past midnight in Sweden
        expiry.run_once()
        assert by_pupil(storage) == {
            ids[0]: "placed",
            ids[1]: "not_renewed",
            ids[2]: "offered",
            ids[3]: "not_renewed",
        }
        ended = facts(storage, ApplicationEnded)
        assert {(fact.had, fact.outcome) for fact in ended} == {
            ("offer", "not_renewed"),
            ("queue", "not_renewed"),
        }
        assert all_is_well(storage)

    def test_who_confirmed_before_has_the_place_at_once_and_who_did_not_in_time_has_none(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        ids = two_places_and_a_queue(storage)
        autumn_comes(storage, carry_over=LUNDS_WAY)
        clock.time = datetime(2027, 4, 12, 9, 0, tzinfo=UTC)
        with storage.unit() as unit:
            next_term.confirm(unit, "a0", "the family")
            next_term.confirm(unit, "a3", "the family")
        clock.time = datetime(2027, 5, 10, 9, 0, tzinfo=UTC)
        assert said(dry_run(storage, today=date(2027, 5, 10)).effects) == {
            "a0": ("continues", "carried_over"),
            "a1": ("ends", "not_confirmed"),
            "a2": ("ends", "not_confirmed"),
            "a3": ("offered", "next_in_queue"),
        }
        run(storage)
        assert by_pupil(storage) == {ids[0]: "placed", ids[3]: "offered"}
        assert states(storage)["a2"] == "not_renewed"

    def test_a_confirmed_place_uses_up_no_queue_date_and_ends_no_other_queue(self, storage: Storage) -> None:
        """It was not waited for: the pupil goes on waiting for another instrument."""
        two_places_and_a_queue(storage, 0)
        pupil = "child-1901-0000"
        with storage.unit() as unit:
            unit.execute(
                sa.insert(queue_dates).values(pupil_id=pupil, subject="music_instrument", queued_at=unit.now)
            )
        autumn_comes(storage, carry_over=CarryOver(places="confirm"))
        run(storage)
        with storage.unit() as unit:
            commands.accept_offer(unit, next_application_id("ht27", "a0"), "the family")
        assert count(storage, queue_dates) == 1

    def test_a_declined_place_is_no_refusal_of_an_offer(self, storage: Storage) -> None:
        """Where a refusal keeps the place in the queue, who never stood in it is not put there."""
        ids = two_places_and_a_queue(storage, 1)
        autumn_comes(storage, carry_over=CarryOver(places="confirm"), answering=Answering(7, declines_kept=1))
        run(storage)
        with storage.unit() as unit:
            commands.decline_offer(unit, next_application_id("ht27", "a0"), "the family")
        assert by_pupil(storage) == {ids[0]: "declined", ids[1]: "offered", ids[2]: "offered"}


class TestAdults:
    ADULTS = Eligibility(6, 19, adult_if_space=True)

    def place_adult_and_child(self, storage: Storage, waiting: int) -> None:
        tell(storage, replace(FIDDLE, max_age=99))
        ids = children(storage, 1 + waiting)
        decide(storage, request("adult", pupil_id="anton"), request("a0", pupil_id=ids[0]))
        decide(storage, *(request(f"w{n}", pupil_id=each) for n, each in enumerate(ids[1:])))

    @pytest.mark.parametrize(
        ("adults", "waiting", "effect"),
        [
            ("continue", 1, ("continues", "carried_over")),
            ("if_space", 0, ("continues", "carried_over")),
            ("if_space", 1, ("ends", "adult_no_space")),
            ("end", 0, ("ends", "adults_end")),
        ],
    )
    def test_what_the_rule_book_says_of_adults(
        self, storage: Storage, adults: str, waiting: int, effect: tuple[str, str]
    ) -> None:
        self.place_adult_and_child(storage, waiting)
        carry = CarryOver(adults=adults)
        autumn_comes(storage, replace(NEXT_FIDDLE, max_age=99), eligibility=self.ADULTS, carry_over=carry)
        effects = said(dry_run(storage).effects)
        assert effects["adult"] == effect
        assert effects["a0"] == ("continues", "carried_over")
        if effect[1] == "adult_no_space":
            assert effects["w0"] == ("offered", "next_in_queue")


class TestRentals:
    """So many school years at most, but a double bass for as long as it takes."""

    RENTAL = Rental(
        38000,
        LocalText("Instrumenthyra", "Instrument rental"),
        max_school_years=1,
        unlimited_instruments=("double_bass",),
    )

    def renting(self, storage: Storage, *instruments: str, most: int) -> None:
        rental = replace(self.RENTAL, max_school_years=most)
        tell(
            storage,
            RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, pricing=Pricing(rental=rental))),
        )
        ids = children(storage, len(instruments))
        for n, (pupil_id, rents) in enumerate(zip(ids, instruments, strict=True)):
            decide(storage, replace(request(f"a{n}", pupil_id=pupil_id), chosen=Chosen(rents)))
        tell(storage, AUTUMN, NEXT_FIDDLE)

    def next_of(self, storage: Storage, application_id: str) -> sa.Row[Any]:
        return rows_of(storage)[next_application_id("ht27", application_id)]

    @both
    def test_the_instrument_stays_with_the_child(self, storage: Storage) -> None:
        self.renting(storage, "violin", most=2)
        assert [each.rental_ends for each in dry_run(storage).effects] == [False]
        run(storage)
        assert self.next_of(storage, "a0").rents == "violin"
        Pricer(storage, lambda _now: False).run_once()
        rentals = {fact.term_id: fact.rental_ore for fact in facts(storage, PlacePriced)}
        assert rentals == {"vt27": 38000, "ht27": 38000}

    @both
    def test_no_longer_than_the_rule_book_says(self, storage: Storage) -> None:
        """Who looks at the dry run sees it, and the history of the place says it."""
        self.renting(storage, "violin", "double_bass", most=1)
        assert [(each.kind, each.rental_ends) for each in dry_run(storage).effects] == [
            ("continues", True),
            ("continues", False),
        ]
        run(storage)
        assert [self.next_of(storage, each).rents for each in ("a0", "a1")] == [None, "double_bass"]
        history = events_of(storage, next_application_id("ht27", "a0"))
        assert (STAFF, "rental_ended", "violin") in history
        with storage.reading() as connection:
            kept = connection.execute(sa.select(rollover_effects.c.rental_ends)).scalars().all()
        assert sorted(kept) == [False, True]

    def test_another_instrument_after_the_dry_run_is_looked_at_again(self, storage: Storage) -> None:
        self.renting(storage, "violin", most=2)
        digest = looked_at(storage).given.digest
        with storage.unit() as unit:
            change_chosen(unit, "a0", Chosen("cello"), "guardian:Maria")
        with pytest.raises(Refused) as refused:
            run(storage, digest=digest)
        assert refused.value.refusal.name == "rollover_changed"

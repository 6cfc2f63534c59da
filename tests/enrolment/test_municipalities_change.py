"""A municipality leaves the cooperation, joins it, or becomes a part of another one, each on a date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import MunicipalityRegistered, RuleBookPublished
from services.contracts.enrolment import PlaceOffered, PupilMoved
from services.contracts.rule_book import Ordering, ReservedSeats
from services.enrolment import checks, commands, pupil_queries, queries
from services.enrolment.ceilings import ceiling_of, set_ceiling
from services.enrolment.commands import NewPupil
from services.enrolment.expiry import OfferExpiry
from services.enrolment.rounds import commands as round_commands
from services.enrolment.rounds.commands import NewRound
from services.enrolment.tables import ceilings, guardians, pupils, rounds
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    CIRCUS,
    FIDDLE,
    KRISTINA,
    NORRBY,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    TODAY,
    UTBY,
    applied,
    children,
    decide,
    facts,
    names,
    number,
    request,
    rows_of,
    seats,
    states,
    tell,
)

LAST_DAY, FIRST_DAY = date(2026, 11, 30), date(2026, 12, 1)
UTBY_JOINS = MunicipalityRegistered(UTBY, "Utby", None, FIRST_DAY, None)
SODERBY_LEAVES = MunicipalityRegistered(SODERBY, "Söderby", "Söderby kulturskola", date(2015, 1, 1), LAST_DAY)
SODERBY_MERGES = replace(SODERBY_LEAVES, succeeded_by=NORRBY, succeeded_on=FIRST_DAY)
# What the catalogue says of Söderby's course on that day.
CIRCUS_OF_NORRBY = replace(CIRCUS, municipality_code=NORRBY)


def it_is(clock: FixedClock, day: date) -> None:
    clock.time = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def a_day_passes(storage: Storage, clock: FixedClock, day: date = FIRST_DAY) -> None:
    it_is(clock, day)
    expiry = OfferExpiry(storage)
    while expiry.run_once() == 0:
        pass


def is_well(storage: Storage) -> bool:
    with storage.reading() as connection:
        return checks.check(connection) == []


class TestJoining:
    @pytest.mark.parametrize(
        ("day", "answer"), [(LAST_DAY, "home_municipality_not_a_member"), (FIRST_DAY, "placed")]
    )
    def test_its_pupils_may_apply_from_the_day(
        self, storage: Storage, clock: FixedClock, day: date, answer: str
    ) -> None:
        tell(storage, UTBY_JOINS)
        it_is(clock, day)
        assert names(decide(storage, request(pupil_id="tove"))) == [answer]

    def test_its_courses_are_open_to_the_county_from_the_day(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        tell(storage, UTBY_JOINS, replace(FIDDLE, course_id="choir", municipality_code=UTBY))
        it_is(clock, LAST_DAY)
        assert names(decide(storage, request("a1", "choir"))) == ["host_municipality_not_a_member"]
        it_is(clock, FIRST_DAY)
        assert names(decide(storage, request("a1", "choir"))) == ["placed"]


class TestLeaving:
    @pytest.mark.parametrize(
        ("day", "answer"), [(LAST_DAY, "placed"), (FIRST_DAY, "home_municipality_not_a_member")]
    )
    def test_its_pupils_may_apply_to_the_last_day(
        self, storage: Storage, clock: FixedClock, day: date, answer: str
    ) -> None:
        tell(storage, SODERBY_LEAVES)
        it_is(clock, day)
        assert names(decide(storage, request(pupil_id="noor"))) == [answer]

    def test_its_courses_are_for_its_own_afterwards(self, storage: Storage, clock: FixedClock) -> None:
        tell(storage, SODERBY_LEAVES)
        it_is(clock, FIRST_DAY)
        assert names(decide(storage, request("a1", "circus", "alma"))) == ["host_municipality_not_a_member"]
        assert names(decide(storage, request("a2", "circus", "noor"))) == ["placed"]

    def test_places_offers_and_queue_positions_are_kept(self, storage: Storage, clock: FixedClock) -> None:
        """What was given stands: the term is paid for, and who waits was promised its turn."""
        tell(storage, replace(FIDDLE, capacity=1))
        applied(storage, "place", "fiddle", "noor")
        applied(storage, "theirs", "circus", "anton")
        applied(storage, "waits", "circus", "alma")
        tell(storage, SODERBY_LEAVES)
        a_day_passes(storage, clock)
        assert (states(storage)["place"], states(storage, "circus")["waits"]) == ("placed", "queued")
        with storage.unit() as unit:
            commands.withdraw(unit, "theirs", "the tests")
        with storage.unit() as unit:
            commands.accept_offer(unit, "waits", "the tests")
        assert states(storage, "circus")["waits"] == "placed"
        assert is_well(storage)


class TestMerging:
    @both
    def test_places_queue_dates_and_courses_follow(self, storage: Storage, clock: FixedClock) -> None:
        applied(storage, "place", "fiddle", "noor")
        applied(storage, "theirs", "circus", "anton")
        applied(storage, "waits", "circus", "clover")
        before = {key: (row.state, row.queued_at, row.decided_at) for key, row in rows_of(storage).items()}
        tell(storage, SODERBY_MERGES)
        a_day_passes(storage, clock, LAST_DAY)
        assert {row.home_municipality for row in rows_of(storage).values()} == {SODERBY}
        a_day_passes(storage, clock)
        tell(storage, CIRCUS_OF_NORRBY)
        after = {key: (row.state, row.queued_at, row.decided_at) for key, row in rows_of(storage).items()}
        assert after == before
        assert {row.home_municipality for row in rows_of(storage).values()} == {NORRBY}
        with storage.reading() as connection:
            homes = set(connection.scalars(sa.select(pupils.c.home_municipality)))
            of_norrby = [each.course_id for each in queries.courses_of_school(connection, NORRBY)]
            events = pupil_queries.pupil_events_of(connection, "noor")
            samira = sa.select(guardians.c.municipality_code).where(guardians.c.guardian_id == SAMIRA)
            assert connection.scalar(samira) == NORRBY
        assert homes == {NORRBY, UTBY}
        assert sorted(of_norrby) == ["circus", "dance", "fiddle"]
        assert [(each.what, each.by) for each in events] == [("home_merged", "enrolment")]
        assert facts(storage, PupilMoved) == []  # nobody has moved
        assert is_well(storage)

    def test_again_changes_nothing_and_many_follow(self, storage: Storage, clock: FixedClock) -> None:
        ids = children(storage, 45, SODERBY)
        tell(storage, SODERBY_MERGES)
        for _ in range(2):
            a_day_passes(storage, clock)
        with storage.reading() as connection:
            assert [len(pupil_queries.pupil_events_of(connection, each)) for each in ids] == [1] * 45

    def test_who_came_from_there_is_at_home_in_the_queue(self, storage: Storage, clock: FixedClock) -> None:
        """Residents go first: from the day, who lived in either of the two."""
        book = replace(NORRBYS_RULES, order=("host_residents_first", "queue_date"))
        tell(storage, RuleBookPublished("norrby-2024", book))
        order = [*children(storage, 3), "noor"]
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(order[:2])))
        decide(storage, request("theirs", pupil_id="noor"), request("ours", pupil_id=order[2]))

        def ahead(today: date) -> int | None:
            with storage.reading() as connection:
                found = queries.application(connection, "theirs", today)
            return None if found is None else found.position

        assert ahead(TODAY) == 2
        tell(storage, SODERBY_MERGES)
        a_day_passes(storage, clock)
        assert ahead(FIRST_DAY) == 1

    def test_a_seat_kept_for_the_successor_is_offered(self, storage: Storage, clock: FixedClock) -> None:
        kept = replace(NORRBYS_RULES, ordering=Ordering(reserved_seats=(ReservedSeats(UTBY, 1),)))
        tell(storage, RuleBookPublished("norrby-2024", kept))
        decide(storage, request("a0", pupil_id="alma"), request("a1", pupil_id="noor"))
        assert states(storage) == {"a0": "placed", "a1": "queued"}
        tell(storage, UTBY_JOINS, replace(SODERBY_MERGES, succeeded_by=UTBY))
        a_day_passes(storage, clock)
        assert states(storage) == {"a0": "placed", "a1": "offered"}
        assert [fact.application_id for fact in facts(storage, PlaceOffered)] == ["a1"]
        assert seats(storage) == (2, 2, 0)

    @pytest.mark.parametrize(
        ("ours", "theirs", "together"),
        [((5, 100), (3, 50), (8, 150)), ((5, None), (3, 50), (8, None)), (None, (3, 50), None)],
    )
    def test_ceilings_become_their_sum(
        self,
        storage: Storage,
        clock: FixedClock,
        ours: tuple[int, int] | None,
        theirs: tuple[int, int],
        together: tuple[int, int] | None,
    ) -> None:
        with storage.unit() as unit:
            for code, given in ((NORRBY, ours), (SODERBY, theirs)):
                if given is not None:
                    set_ceiling(unit, code, "vt27", "staff", most_places=given[0], most_ore=given[1])
        tell(storage, SODERBY_MERGES)
        a_day_passes(storage, clock)
        with storage.reading() as connection:
            found = ceiling_of(connection, NORRBY, "vt27")
            assert connection.scalar(sa.select(sa.func.count()).select_from(ceilings)) == (ours is not None)
        assert (None if found is None else (found.most_places, found.most_ore)) == together

    def test_a_round_that_goes_on_is_the_successors(self, storage: Storage, clock: FixedClock) -> None:
        book = replace(NORRBYS_RULES, rule_book_id="soderby-2024", admission="round")
        tell(storage, RuleBookPublished("soderby-2024", book))
        with storage.unit() as unit:
            round_commands.open_round(unit, NewRound("r1", "vt27", SODERBY, 3, "seed", {}), "staff")
        tell(storage, SODERBY_MERGES)
        a_day_passes(storage, clock)
        with storage.reading() as connection:
            assert connection.scalar(sa.select(rounds.c.scope)) == NORRBY

    def test_who_registers_there_afterwards_is_of_the_successor(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        """A session, or a paper, may still say the old municipality; successors of successors count too."""
        tell(storage, SODERBY_MERGES, replace(
            SODERBY_MERGES, municipality_code=NORRBY, name="Norrby", succeeded_by=UTBY,
        ))  # fmt: skip
        it_is(clock, FIRST_DAY)
        new = NewPupil("new", number(date(2018, 1, 2)), "Ny", "Elev", SODERBY, KRISTINA)
        with storage.unit() as unit:
            commands.register_pupil(unit, new, "the tests")
        with storage.reading() as connection:
            home = sa.select(pupils.c.home_municipality).where(pupils.c.pupil_id == "new")
            assert connection.scalar(home) == UTBY

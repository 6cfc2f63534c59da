"""What one can ask enrolment to do; what is refused has changed nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.refusals import Refusal, Refused
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import (
    ApplicationEnded,
    ApplicationQueued,
    ContactRegistered,
    CourseSeatsChanged,
    PlaceGiven,
    PlaceOffered,
    PupilNamed,
)
from services.enrolment import commands, queries
from services.enrolment.checks import check
from services.enrolment.commands import Contact, EnteredApplication, NewPupil
from services.enrolment.domain.requests import Outcome
from services.enrolment.tables import (
    application_events,
    applications,
    guardians,
    guardianships,
    pupils,
)
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    ALMA,
    CLOVER,
    KRISTINA,
    LEO,
    MARIA,
    NOOR,
    NORRBY,
    NOW,
    SAMIRA,
    SODERBY,
    TERM,
    TODAY,
    applied,
    children,
    coordination_number,
    count,
    decide,
    facts,
    names,
    number,
    request,
    seats,
    states,
    tell,
)

EVERYTHING = (pupils, guardians, guardianships, applications, application_events, outbox)
NEW = NewPupil("new", number(date(2018, 1, 2)), "Ny", "Elev", NORRBY, MARIA)


def do(storage: Storage, command: Callable[..., Any], *arguments: Any) -> Any:
    with storage.unit() as unit:
        return command(unit, *arguments)


def register(storage: Storage, pupil: NewPupil) -> None:
    do(storage, commands.register_pupil, pupil, "a test")


def refused(storage: Storage, command: Callable[..., Any], *arguments: Any) -> Refusal:
    """Why not; and nothing has happened."""
    before = [count(storage, table) for table in EVERYTHING]
    with pytest.raises(Refused) as caught:
        do(storage, command, *arguments)
    assert [count(storage, table) for table in EVERYTHING] == before
    return caught.value.refusal


def pupil_row(storage: Storage, pupil_id: str) -> sa.Row[Any]:
    with storage.reading() as connection:
        return connection.execute(sa.select(pupils).where(pupils.c.pupil_id == pupil_id)).one()


def guardians_of(storage: Storage, pupil_id: str) -> set[str]:
    with storage.reading() as connection:
        found = sa.select(guardianships.c.guardian_id).where(guardianships.c.pupil_id == pupil_id)
        return set(connection.scalars(found))


def well(storage: Storage) -> None:
    with storage.reading() as connection:
        assert check(connection) == []


class TestGuardians:
    def test_a_guardian_and_how_to_reach_it(self, storage: Storage) -> None:
        do(storage, commands.register_guardian, "eva", "Eva Ek", NORRBY, Contact("eva@example.se", "en"))
        assert facts(storage, ContactRegistered)[-1] == ContactRegistered(
            "eva", "Eva Ek", "eva@example.se", "en", "guardian", NORRBY
        )

    def test_the_same_again_changes_nothing(self, storage: Storage) -> None:
        before = count(storage, outbox)
        contact = Contact("maria@example.se", "sv")
        do(storage, commands.register_guardian, MARIA, "Maria Hellström", NORRBY, contact)
        assert count(storage, outbox) == before

    def test_who_moves_or_marries_is_told_anew(self, storage: Storage) -> None:
        do(storage, commands.register_guardian, MARIA, "Maria Ek", SODERBY, Contact(None, "sv"))
        fact = facts(storage, ContactRegistered)[-1]
        assert (fact.person_id, fact.name, fact.municipality_code) == (MARIA, "Maria Ek", SODERBY)
        assert count(storage, guardians) == 3

    def test_of_a_protected_guardian_nobody_else_is_told(self, storage: Storage) -> None:
        before = count(storage, outbox)
        do(storage, commands.register_guardian, "eva", "Eva Ek", NORRBY, None)
        do(storage, commands.register_guardian, "eva", "Eva Alm", NORRBY, None)
        assert count(storage, outbox) == before

    def test_a_colleague_can_be_reached_and_is_no_guardian(self, storage: Storage) -> None:
        do(
            storage,
            commands.register_contact,
            "jonas",
            "Jonas",
            NORRBY,
            Contact("j@example.se", "sv", "staff"),
        )
        assert facts(storage, ContactRegistered)[-1].role == "staff"
        assert count(storage, guardians) == 3


class TestPupils:
    def test_a_pupil_with_its_guardian(self, storage: Storage) -> None:
        register(storage, NEW)
        row = pupil_row(storage, "new")
        assert (row.personal_identity, row.given_name, row.family_name) == (
            NEW.personal_identity,
            "Ny",
            "Elev",
        )
        assert (row.born_on, row.home_municipality, row.protected, row.alias) == (
            date(2018, 1, 2),
            NORRBY,
            False,
            None,
        )
        assert (row.registered_by, row.registered_at) == ("a test", NOW)
        assert guardians_of(storage, "new") == {MARIA}
        assert facts(storage, PupilNamed)[-1] == PupilNamed("new", "Ny")

    @pytest.mark.parametrize("spelling", ["20180102-{}", " 20180102{} ", "180102-{}", "180102{}"])
    def test_every_usual_spelling_is_the_same_number(self, storage: Storage, spelling: str) -> None:
        register(storage, replace(NEW, personal_identity=spelling.format(NEW.personal_identity[8:])))
        assert pupil_row(storage, "new").personal_identity == NEW.personal_identity

    def test_who_is_over_a_hundred_has_a_plus(self, storage: Storage) -> None:
        twelve = number(date(1917, 3, 14))
        register(storage, replace(NEW, personal_identity=f"170314+{twelve[8:]}"))
        assert pupil_row(storage, "new").born_on == date(1917, 3, 14)

    def test_a_coordination_number_is_as_good(self, storage: Storage) -> None:
        twelve = coordination_number(date(2018, 1, 2))
        assert twelve[6:8] == "62"
        register(storage, replace(NEW, personal_identity=twelve))
        row = pupil_row(storage, "new")
        assert (row.personal_identity, row.born_on) == (twelve, date(2018, 1, 2))

    def test_a_number_may_be_of_today_and_of_no_later_day(self, storage: Storage) -> None:
        register(storage, replace(NEW, personal_identity=number(date(2026, 11, 24))))
        later = replace(NEW, pupil_id="later", personal_identity=number(date(2026, 11, 25)))
        assert refused(storage, commands.register_pupil, later, "x").name == "personal_identity_invalid"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "not a number",
            "20180102",
            "201801022380",
            f"{NEW.personal_identity[:-1]}{(int(NEW.personal_identity[-1]) + 1) % 10}",
            "20180230-2384",
            "20181302-2387",
            coordination_number(date(2018, 1, 31)).replace("20180191", "20180192"),
            "２０１８０１０２２３８４",
            "20180102\x002384",
            "9" * 20,
            "\ud800",
        ],
    )
    def test_what_is_no_number_is_refused(self, storage: Storage, text: str) -> None:
        broken = replace(NEW, personal_identity=text)
        refusal = refused(storage, commands.register_pupil, broken, "a test")
        assert (refusal.name, refusal.status) == ("personal_identity_invalid", 422)
        assert text == "" or text not in refusal.reason % refusal.facts

    def test_the_same_pupil_again_changes_nothing(self, storage: Storage) -> None:
        register(storage, NEW)
        before = [count(storage, table) for table in EVERYTHING]
        register(storage, NEW)
        register(storage, replace(NEW, guardian_id=None))
        assert [count(storage, table) for table in EVERYTHING] == before

    @both
    def test_two_clicks_at_once_are_one_pupil(self, storage: Storage) -> None:
        pool = eventlet.GreenPool(8)
        for _ in pool.imap(lambda _: register(storage, NEW), range(8)):
            pass
        assert count(storage, pupils) == 7
        assert guardians_of(storage, "new") == {MARIA}
        assert [fact.pupil_id for fact in facts(storage, PupilNamed)].count("new") == 1

    @both
    def test_two_guardians_at_once_are_one_pupil_and_a_refusal(self, storage: Storage) -> None:
        def one(n: int) -> str:
            try:
                register(storage, replace(NEW, pupil_id=f"n{n}", guardian_id=(MARIA, SAMIRA)[n]))
            except Refused as refused:
                return refused.refusal.name
            return "registered"

        answers = list(eventlet.GreenPool(2).imap(one, range(2)))
        assert sorted(answers) == ["personal_identity_known", "registered"]
        assert (count(storage, pupils), count(storage, guardianships)) == (7, 5)

    @pytest.mark.parametrize("pupil_id", ["new", "alma"])
    @pytest.mark.parametrize("known", [ALMA, CLOVER], ids=["open", "protected"])
    def test_anothers_number_tells_nothing_but_that_it_is_known(
        self, storage: Storage, known: NewPupil, pupil_id: str
    ) -> None:
        """The same words whoever it is and whatever else was guessed right."""
        guessed = replace(
            known, pupil_id=pupil_id, given_name="Guessed", guardian_id=SAMIRA, home_municipality=SODERBY
        )
        for attempt in (guessed, replace(guessed, pupil_id=known.pupil_id, alias="x")):
            refusal = refused(storage, commands.register_pupil, attempt, "a test")
            assert refusal is commands.PERSONAL_IDENTITY_KNOWN
            assert refusal.facts == {}
        assert guardians_of(storage, known.pupil_id) == ({MARIA} if known is ALMA else set())
        with storage.reading() as connection:
            assert [pupil.pupil_id for pupil in queries.pupils_of(connection, SAMIRA)] == ["noor"]

    def test_an_id_of_another_pupil_is_refused(self, storage: Storage) -> None:
        refusal = refused(storage, commands.register_pupil, replace(NEW, pupil_id="noor"), "a test")
        assert refusal.name == "pupil_id_taken"

    def test_who_is_no_guardian_learns_nothing_of_a_number(self, storage: Storage) -> None:
        for pupil in (NEW, ALMA):
            attempt = replace(pupil, guardian_id="stranger")
            refusal = refused(storage, commands.register_pupil, attempt, "a test")
            assert refusal.name == "guardian_unknown"

    def test_one_lives_in_the_county(self, storage: Storage) -> None:
        moved = replace(NEW, home_municipality="0180")
        assert refused(storage, commands.register_pupil, moved, "x").name == "municipality_unknown"

    def test_of_a_protected_pupil_nothing_is_published(self, storage: Storage) -> None:
        before = count(storage, outbox)
        register(storage, replace(NEW, alias="Björken", guardian_id=None))
        row = pupil_row(storage, "new")
        assert (row.protected, row.alias) == (True, "Björken")
        assert count(storage, outbox) == before


class TestWithdrawing:
    @pytest.fixture
    def full(self, storage: Storage) -> Storage:
        """a0 and a1 have places, a2 and a3 wait."""
        ids = children(storage, 4, guardian=MARIA)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        return storage

    @both
    def test_a_place_goes_to_the_next_in_line(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "maria")
        assert states(full) == {"a0": "withdrawn", "a1": "placed", "a2": "offered", "a3": "queued"}
        assert seats(full) == (2, 2, 1)
        (ended,) = facts(full, ApplicationEnded)
        assert ended == ApplicationEnded("a0", "fiddle", "child-1901-0000", MARIA, "withdrawn", "place", NOW)
        (offer,) = facts(full, PlaceOffered)
        assert offer == PlaceOffered("a2", "fiddle", "child-1901-0002", MARIA, NOW, "next_in_queue")
        assert facts(full, CourseSeatsChanged)[-1] == CourseSeatsChanged("fiddle", 2, 2, 1)
        well(full)

    def test_a_place_in_the_queue_moves_up_who_stands_behind(self, full: Storage) -> None:
        do(full, commands.withdraw, "a2", "maria")
        assert states(full) == {"a0": "placed", "a1": "placed", "a2": "withdrawn", "a3": "queued"}
        assert facts(full, PlaceOffered) == []
        assert facts(full, ApplicationEnded)[0].had == "queue"
        with full.reading() as connection:
            application = queries.application(connection, "a3", TODAY)
        assert application is not None
        assert application.position == 1
        well(full)

    def test_an_offer_can_be_withdrawn_too(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "maria")
        do(full, commands.withdraw, "a2", "maria")
        assert states(full)["a3"] == "offered"
        assert [fact.had for fact in facts(full, ApplicationEnded)] == ["place", "offer"]
        do(full, commands.withdraw, "a3", "maria")
        assert seats(full) == (2, 1, 0)
        well(full)

    def test_what_has_ended_stays_ended(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "maria")
        for command, name in (
            (commands.withdraw, "already_ended"),
            (commands.accept_offer, "no_offer"),
            (commands.decline_offer, "no_offer"),
        ):
            assert refused(full, command, "a0", "maria").name == name

    @pytest.mark.parametrize("command", [commands.withdraw, commands.accept_offer, commands.decline_offer])
    def test_there_must_be_such_an_application(self, full: Storage, command: Callable[..., Any]) -> None:
        refusal = refused(full, command, "nothing", "maria")
        assert (refusal.name, refusal.status) == ("application_unknown", 404)

    def test_who_did_it_is_kept(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "guardian:1901:maria")
        with full.reading() as connection:
            events = [(e.by, e.what, e.why) for e in queries.events(connection, "a0")]
            offered = [(e.by, e.what) for e in queries.events(connection, "a2")]
        assert ("guardian:1901:maria", "ended", "withdrawn") in events
        assert ("enrolment", "offered") in offered

    def test_the_offer_goes_by_the_rule_book(self, storage: Storage) -> None:
        """In Söderby those who live there go first, whenever they applied."""
        away, near = children(storage, 2, NORRBY), children(storage, 1, SODERBY)
        applied(storage, "a0", "circus", "noor")
        decide(storage, *(request(each, "circus", each) for each in (*away, *near)))
        do(storage, commands.withdraw, "a0", "samira")
        assert states(storage, "circus")[near[0]] == "offered"
        assert seats(storage, "circus") == (1, 1, 2)

    def test_of_a_protected_pupil_no_fact_says_who_stands_behind(self, storage: Storage) -> None:
        applied(storage, "a0", "circus", "noor")
        applied(storage, "a1", "circus", "clover")
        do(storage, commands.withdraw, "a0", "samira")
        do(storage, commands.accept_offer, "a1", "staff")
        do(storage, commands.withdraw, "a1", "staff")
        about = [
            fact
            for fact in facts(storage, ApplicationQueued, PlaceOffered, PlaceGiven, ApplicationEnded)
            if fact.pupil_id == "clover"
        ]
        assert [type(fact) for fact in about] == [
            ApplicationQueued,
            PlaceOffered,
            PlaceGiven,
            ApplicationEnded,
        ]
        assert {fact.guardian_id for fact in about} == {None}
        assert [fact.home_municipality for fact in about if hasattr(fact, "home_municipality")] == [
            None,
            None,
        ]

    @pytest.mark.parametrize("kind", ["postgresql"])
    def test_all_who_leave_at_once_are_followed_by_as_many(self, storage: Storage) -> None:
        ids = children(storage, 4)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        pool = eventlet.GreenPool(4)
        for _ in pool.imap(lambda n: do(storage, commands.withdraw, f"a{n}", "x"), range(2)):
            pass
        assert states(storage) == {"a0": "withdrawn", "a1": "withdrawn", "a2": "offered", "a3": "offered"}
        assert seats(storage) == (2, 2, 0)


class TestOffers:
    @pytest.fixture
    def offered(self, storage: Storage) -> Storage:
        """a1 (Alma) is offered the one seat that Noor gave up; a2 (Leo) waits."""
        applied(storage, "a0", "circus", "noor")
        applied(storage, "a1", "circus", "alma")
        applied(storage, "a2", "circus", "leo")
        do(storage, commands.withdraw, "a0", "samira")
        assert states(storage, "circus")["a1"] == "offered"
        return storage

    def test_accepted_it_is_a_place(self, offered: Storage, clock: FixedClock) -> None:
        clock.time += timedelta(days=2)
        do(offered, commands.accept_offer, "a1", "maria")
        assert states(offered, "circus") == {"a0": "withdrawn", "a1": "placed", "a2": "queued"}
        assert facts(offered, PlaceGiven)[-1] == PlaceGiven(
            "a1", "circus", "alma", MARIA, NORRBY, SODERBY, "vt27", NOW + timedelta(days=2), "next_in_queue"
        )
        with offered.reading() as connection:
            application = queries.application(connection, "a1", TODAY)
        assert application is not None
        assert (application.rule, application.changed_at, application.decided_at) == (
            "next_in_queue",
            NOW + timedelta(days=2),
            NOW,
        )
        assert seats(offered, "circus") == (1, 1, 1)
        well(offered)

    def test_accepting_twice_is_accepting_once(self, offered: Storage) -> None:
        do(offered, commands.accept_offer, "a1", "maria")
        before = [count(offered, table) for table in EVERYTHING]
        do(offered, commands.accept_offer, "a1", "maria")
        assert [count(offered, table) for table in EVERYTHING] == before

    @both
    def test_declined_it_goes_to_the_next(self, offered: Storage) -> None:
        do(offered, commands.decline_offer, "a1", "maria")
        assert states(offered, "circus") == {"a0": "withdrawn", "a1": "declined", "a2": "offered"}
        ended = facts(offered, ApplicationEnded)[-1]
        assert (ended.application_id, ended.outcome, ended.had) == ("a1", "declined", "offer")
        do(offered, commands.decline_offer, "a2", "maria")
        assert seats(offered, "circus") == (1, 0, 0)
        well(offered)

    @pytest.mark.parametrize("command", [commands.accept_offer, commands.decline_offer])
    def test_who_waits_has_nothing_to_answer(self, offered: Storage, command: Callable[..., Any]) -> None:
        assert refused(offered, command, "a2", "maria").name == "no_offer"

    def test_a_place_is_given_up_and_not_declined(self, offered: Storage) -> None:
        do(offered, commands.accept_offer, "a1", "maria")
        assert refused(offered, commands.decline_offer, "a1", "maria").name == "no_offer"


class TestCancelling:
    def test_everybody_is_told_what_it_had(self, storage: Storage) -> None:
        ids = children(storage, 4)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        do(storage, commands.withdraw, "a0", "x")
        do(storage, commands.cancel_course, "fiddle", "catalogue")
        ended = [(f.application_id, f.outcome, f.had) for f in facts(storage, ApplicationEnded)[1:]]
        assert ended == [
            ("a1", "course_cancelled", "place"),
            ("a2", "course_cancelled", "offer"),
            ("a3", "course_cancelled", "queue"),
        ]
        assert seats(storage) == (2, 0, 0)
        assert facts(storage, CourseSeatsChanged)[-1] == CourseSeatsChanged("fiddle", 2, 0, 0)
        assert len(facts(storage, PlaceOffered)) == 1  # nobody is offered a seat on its way down
        well(storage)

    def test_a_course_nobody_is_on_or_that_is_not_there(self, storage: Storage) -> None:
        before = count(storage, outbox)
        do(storage, commands.cancel_course, "fiddle", "catalogue")
        do(storage, commands.cancel_course, "no-such-course", "catalogue")
        assert count(storage, outbox) == before


class TestEntering:
    TUESDAY = datetime(2026, 11, 3, 22, 59, 59, tzinfo=UTC)

    def entered(self, pupil: NewPupil, application_id: str = "p1", course_id: str = "fiddle") -> Any:
        return EnteredApplication(application_id, course_id, pupil, self.TUESDAY)

    def enter(self, storage: Storage, *arguments: Any) -> Outcome:
        outcome: Outcome = do(storage, commands.enter_application, self.entered(*arguments), "staff:1901:J")
        return outcome

    def test_a_new_pupil_and_its_application(self, storage: Storage) -> None:
        outcome = self.enter(
            storage, replace(NEW, personal_identity=number(date(2017, 1, 2)), guardian_id=None)
        )
        assert (outcome.state, outcome.pupil_id, outcome.already) == ("placed", "new", False)
        with storage.reading() as connection:
            application = queries.application(connection, "p1", TODAY)
        assert application is not None
        assert (application.queued_at, application.decided_at) == (self.TUESDAY, NOW)
        with storage.reading() as connection:
            assert connection.scalar(sa.select(applications.c.applied_by)) == "staff:1901:J"

    def test_the_true_date_counts_in_the_queue(self, storage: Storage) -> None:
        ids = children(storage, 3)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        outcome = self.enter(storage, replace(ALMA, guardian_id=None))
        assert (outcome.state, outcome.position) == ("queued", 1)
        assert facts(storage, ApplicationQueued)[-1].queued_at == self.TUESDAY

    def test_a_known_pupil_is_found_by_its_number(self, storage: Storage) -> None:
        """Whatever the form's fresh id and spelling of the name: the child is there, with its guardian."""
        again = replace(ALMA, pupil_id="new", given_name="A.", guardian_id=None)
        assert self.enter(storage, again).pupil_id == "alma"
        assert (count(storage, pupils), pupil_row(storage, "alma").given_name) == (6, "Alma")
        assert facts(storage, PlaceGiven)[-1].guardian_id == MARIA

    def test_entering_twice_is_entering_once(self, storage: Storage) -> None:
        first = self.enter(
            storage, replace(NEW, guardian_id=None, personal_identity=number(date(2017, 1, 2)))
        )
        second = self.enter(
            storage, replace(NEW, guardian_id=None, personal_identity=number(date(2017, 1, 2)))
        )
        assert second == replace(first, already=True)
        assert (count(storage, pupils), count(storage, applications)) == (7, 1)

    @pytest.mark.parametrize(
        ("pupil", "course_id", "name"),
        [
            (
                replace(NEW, personal_identity="nonsense", guardian_id=None),
                "fiddle",
                "personal_identity_invalid",
            ),
            (
                replace(NEW, personal_identity=number(date(2010, 1, 2)), guardian_id=None),
                "fiddle",
                "pupil_too_old",
            ),
            (replace(NEW, home_municipality=SODERBY, guardian_id=None), "dance", "course_not_shared"),
            (replace(NEW, home_municipality="0180", guardian_id=None), "fiddle", "municipality_unknown"),
            (replace(NEW, guardian_id=None), "no-such-course", "course_unknown"),
            (replace(NEW, pupil_id="noor", guardian_id=None), "fiddle", "pupil_id_taken"),
        ],
    )
    def test_a_refusal_leaves_no_pupil_behind(
        self, storage: Storage, pupil: NewPupil, course_id: str, name: str
    ) -> None:
        asked = self.entered(pupil, "p1", course_id)
        assert refused(storage, commands.enter_application, asked, "staff").name == name

    @pytest.mark.parametrize(
        "queued_at",
        [
            NOW + timedelta(seconds=1),
            NOW - timedelta(days=366, seconds=1),
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, tzinfo=UTC),
        ],
    )
    def test_a_day_that_cannot_be_is_refused(self, storage: Storage, queued_at: datetime) -> None:
        asked = replace(self.entered(replace(ALMA, guardian_id=None)), queued_at=queued_at)
        refusal = refused(storage, commands.enter_application, asked, "staff")
        assert (refusal.name, refusal.status) == ("came_on_impossible", 422)

    @pytest.mark.parametrize("queued_at", [NOW, NOW - timedelta(days=366)])
    def test_where_one_applies_all_year_it_may_have_come_within_a_year(
        self, storage: Storage, queued_at: datetime
    ) -> None:
        tell(storage, replace(TERM, apply_from=None, apply_until=None))
        asked = replace(self.entered(replace(ALMA, guardian_id=None)), queued_at=queued_at)
        assert do(storage, commands.enter_application, asked, "staff").state == "placed"

    def test_what_came_in_time_is_in_time(self, storage: Storage, clock: FixedClock) -> None:
        """In Sweden's days: just before midnight of the last one, entered weeks later."""
        last = datetime(2026, 12, 15, 22, 59, 59, tzinfo=UTC)
        clock.time = last + timedelta(days=20)
        late = replace(self.entered(replace(ALMA, guardian_id=None)), queued_at=last + timedelta(seconds=1))
        assert refused(storage, commands.enter_application, late, "x").name == "application_period_closed"
        assert names(decide(storage, request("a1"))) == ["application_period_closed"]
        do(storage, commands.enter_application, replace(late, queued_at=last), "staff")
        assert states(storage) == {"p1": "placed"}

    def test_a_protected_pupil_is_known_by_its_alias_alone(self, storage: Storage) -> None:
        before = len(facts(storage))
        pupil = replace(
            NEW, guardian_id=None, home_municipality=SODERBY, alias="Eken",
            personal_identity=number(date(2017, 1, 2)),
        )  # fmt: skip
        assert self.enter(storage, pupil).state == "placed"
        told = facts(storage)
        assert len(told) == before + 2  # the place and the seats; no name, no contact
        (place,) = facts(storage, PlaceGiven)
        assert (place.guardian_id, place.home_municipality) == (None, None)
        with storage.reading() as connection:
            (shown,) = queries.participants(connection, "fiddle", TODAY)
        assert (shown.pupil.name, shown.pupil.given_name) == ("Eken", "Eken")

    def test_an_open_pupil_is_not_protected_in_passing(self, storage: Storage) -> None:
        """Its name has been published: an alias now would only look like protection."""
        asked = self.entered(replace(NOOR, guardian_id=None, alias="Eken"))
        assert refused(storage, commands.enter_application, asked, "staff").name == "pupil_not_protected"

    def test_a_protected_pupil_stays_protected(self, storage: Storage) -> None:
        """Also where the box was forgotten the next time."""
        self.enter(storage, replace(CLOVER, pupil_id="new", alias=None, given_name="Hemlig"))
        with storage.reading() as connection:
            (shown,) = queries.participants(connection, "fiddle", TODAY)
        assert (shown.pupil.name, shown.pupil.protected) == ("Klöver", True)
        assert "Hemlig" not in str(facts(storage))


def test_one_application_alone(storage: Storage) -> None:
    def asked(unit: Unit, pupil_id: str) -> Any:
        return commands.apply_for_course(unit, request(f"a-{pupil_id}", pupil_id=pupil_id))

    assert names([do(storage, asked, "alma"), do(storage, asked, "leo")]) == ["placed", "pupil_too_old"]


def test_nothing_that_is_personal_is_in_the_facts_all_read(storage: Storage) -> None:
    """Names and addresses travel in the contacts' stream alone; numbers and the protected in none."""
    for n, pupil in enumerate((ALMA, LEO, NOOR, CLOVER)):
        decide(storage, request(f"c{n}", "circus", pupil.pupil_id))
    do(storage, commands.withdraw, "c0", KRISTINA)
    with storage.reading() as connection:
        rows = connection.execute(sa.select(outbox.c.source, outbox.c.envelope)).all()
    everything = " ".join(row.envelope for row in rows)
    public = " ".join(row.envelope for row in rows if row.source == "enrolment")
    for secret in (
        *(p.personal_identity[2:] for p in (ALMA, LEO, NOOR, CLOVER)), "Hemlig", "Skyddad", "Klöver",
    ):  # fmt: skip
        assert secret not in everything
    for name in ("Alma", "Leo", "Noor", "Hellstr", "example.se"):
        assert name not in public
        assert name in everything or name == "example.se"

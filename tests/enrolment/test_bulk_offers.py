"""Staff offer free seats: the preview is what happens, or nothing is; pressed twice it happens once."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import CourseSeatsChanged, PlaceOffered
from services.contracts.rule_book import Answering, Limits
from services.enrolment import ceilings, checks, commands, queries
from services.enrolment.bulk_offers import BulkOffer, offer_previewed
from services.enrolment.offer_queries import Preview, courses_to_offer, preview
from services.enrolment.tables import application_events, applications, bulk_offers
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    CIRCUS,
    DANCE,
    FIDDLE,
    NORRBY,
    NORRBYS_RULES,
    SODERBY,
    TODAY,
    children,
    count,
    decide,
    facts,
    request,
    seats,
    seats_said,
    states,
    tell,
)

STAFF = "staff:1901:the tests"
BY_STAFF = replace(NORRBYS_RULES, answering=Answering(answer_days=7, offers="by_staff"))


@pytest.fixture
def waiting(storage: Storage) -> Storage:
    """Two have places and three wait; the course has grown to four seats, and its staff make the offers."""
    tell(storage, RuleBookPublished("norrby-2024", BY_STAFF))
    ids = children(storage, 5)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    tell(storage, replace(FIDDLE, capacity=4))
    return storage


def look(storage: Storage, *course_ids: str, most: int | None = None) -> Preview:
    with storage.reading() as connection:
        return preview(connection, course_ids or ("fiddle",), most, TODAY)


def offer(storage: Storage, digest: str, *, course_ids: Collection[str] = ("fiddle",),
          most: int | None = None, bulk_id: str | None = None, by: str = STAFF) -> int:  # fmt: skip
    with storage.unit() as unit:
        return offer_previewed(unit, BulkOffer(bulk_id or new_id(), course_ids, most, digest), by)


def refused(storage: Storage, digest: str, **more: object) -> str:
    before = states(storage), count(storage, application_events), count(storage, bulk_offers)
    with pytest.raises(Refused) as raised:
        offer(storage, digest, **more)  # type: ignore[arg-type]  # passed on as they are
    assert (states(storage), count(storage, application_events), count(storage, bulk_offers)) == before
    return raised.value.refusal.name


def lines(found: Preview) -> list[tuple[str, int, bool, str | None]]:
    return [
        (each.application_id, each.position, each.is_offered, each.why)
        for course in found.courses
        for each in course.lines
    ]


def is_well(storage: Storage) -> bool:
    with storage.reading() as connection:
        return checks.check(connection) == []


def test_where_staff_offer_a_free_seat_waits_for_them(waiting: Storage) -> None:
    assert seats(waiting) == (4, 2, 3)
    (answer,) = decide(waiting, request("late", pupil_id="alma"))
    assert (answer.state, answer.position) == ("queued", 4)  # type: ignore[union-attr]  # who waits goes first


@both
def test_what_the_preview_shows_is_what_happens(waiting: Storage) -> None:
    found = look(waiting)
    assert lines(found) == [("a2", 1, True, "queue_date"), ("a3", 2, True, "queue_date")]
    assert (found.courses[0].free, found.courses[0].answer_by) == (2, TODAY.replace(month=12, day=1))
    assert offer(waiting, found.digest) == 2
    assert {key: state for key, state in states(waiting).items() if state != "placed"} == {
        "a2": "offered", "a3": "offered", "a4": "queued",
    }  # fmt: skip
    assert [fact.application_id for fact in facts(waiting, PlaceOffered)] == ["a2", "a3"]
    assert seats_said(waiting)[-1] == CourseSeatsChanged("fiddle", 4, 4, 1)
    with waiting.reading() as connection:
        assert ("offered", STAFF) in [(each.what, each.by) for each in queries.events(connection, "a2")]
    assert is_well(waiting)


def test_fewer_seats_than_are_free(waiting: Storage) -> None:
    found = look(waiting, most=1)
    assert [each[0] for each in lines(found)] == ["a2"]
    assert offer(waiting, found.digest, most=1) == 1
    assert seats(waiting) == (4, 3, 2)
    assert [each[0] for each in lines(look(waiting, most=99))] == ["a3"]


def test_the_last_who_waits_stands_before_nobody(waiting: Storage) -> None:
    tell(waiting, replace(FIDDLE, capacity=9))
    assert lines(look(waiting))[-1] == ("a4", 3, True, None)


@both
def test_pressed_twice_it_happens_once(waiting: Storage) -> None:
    digest, bulk_id = look(waiting).digest, new_id()
    assert [offer(waiting, digest, bulk_id=bulk_id) for _ in range(2)] == [2, 2]
    assert len(facts(waiting, PlaceOffered)) == 2
    assert refused(waiting, look(waiting).digest, bulk_id=bulk_id) == "bulk_id_taken"


@both
def test_two_presses_at_once(waiting: Storage) -> None:
    digest, bulk_id = look(waiting).digest, new_id()
    pressing = [eventlet.spawn(offer, waiting, digest, bulk_id=bulk_id) for _ in range(4)]
    assert [each.wait() for each in pressing] == [2] * 4
    assert len(facts(waiting, PlaceOffered)) == 2
    assert is_well(waiting)


@pytest.mark.parametrize("change", ["withdrawn", "seat_gone", "moved", "joined"])
def test_where_the_queue_has_changed_nothing_is_offered(waiting: Storage, change: str) -> None:
    """Who has looked has seen other names; who joined behind has changed nothing of what was shown."""
    digest = look(waiting).digest
    if change == "withdrawn":
        with waiting.unit() as unit:
            commands.withdraw(unit, "a3", "the tests")
    elif change == "seat_gone":
        tell(waiting, replace(FIDDLE, capacity=3))
    elif change == "moved":
        with waiting.unit() as unit:
            early = applications.c.application_id == "a4"
            unit.execute(sa.update(applications).where(early).values(queued_at=unit.now.replace(year=2025)))
    else:
        decide(waiting, request("late", pupil_id="alma"))
        assert offer(waiting, digest) == 2
        return
    assert refused(waiting, digest) == "queue_changed"


def test_who_is_passed_over_and_why(waiting: Storage) -> None:
    """a2 said no to this seat, and of Söderby's pupil the home municipality pays for no more."""
    other = children(waiting, 1, SODERBY)[0]
    decide(waiting, request("b0", pupil_id=other))
    with waiting.unit() as unit:
        first = applications.c.application_id.in_(["a2", "b0"])
        unit.execute(sa.update(applications).where(first).values(queued_at=unit.now.replace(year=2025)))
        unit.execute(sa.update(applications).where(applications.c.application_id == "a2").values(passed=True))
        ceilings.set_ceiling(unit, SODERBY, "vt27", STAFF, most_places=0, most_ore=None)
    assert [(id_, is_offered, why) for id_, _, is_offered, why in lines(look(waiting))] == [
        ("a2", False, "declined_this_seat"),
        ("b0", False, "ceiling_reached"),
        ("a3", True, "queue_date"),
        ("a4", True, None),
    ]


def test_an_offer_on_one_course_bars_the_next(waiting: Storage) -> None:
    """Norrby allows one course: who waits on both is offered the first in id order, and shown so."""
    strict = replace(BY_STAFF, limits=Limits(courses=1))
    tell(waiting, replace(DANCE, capacity=1))
    with waiting.reading() as connection:
        pupil = connection.scalar(
            sa.select(applications.c.pupil_id).where(applications.c.application_id == "a2")
        )
    decide(waiting, request("d0", "dance", "leo"), request("d1", "dance", "alma"))
    decide(waiting, request("d2", "dance", str(pupil)))
    tell(waiting, RuleBookPublished("norrby-2024", strict), replace(DANCE, capacity=3))
    with waiting.reading() as connection:
        both_courses = courses_to_offer(connection, NORRBY, TODAY)
    assert both_courses == ["dance", "fiddle"]
    found = look(waiting, *both_courses)
    shown = [(id_, is_offered, why) for id_, _, is_offered, why in lines(found)]
    assert ("d2", True, None) in shown
    assert ("a2", False, "has_enough") in shown
    expected = {id_ for id_, is_offered, _ in shown if is_offered}
    assert offer(waiting, found.digest, course_ids=both_courses) == len(expected)
    assert {fact.application_id for fact in facts(waiting, PlaceOffered)} == expected
    assert is_well(waiting)


def test_nothing_to_offer(storage: Storage) -> None:
    assert look(storage).offered == 0
    assert refused(storage, look(storage).digest) == "nothing_to_offer"
    assert lines(look(storage, "nothing")) == []
    assert refused(storage, "0" * 64, course_ids=["nothing"]) == "queue_changed"


def test_courses_with_a_seat_and_a_queue(waiting: Storage) -> None:
    with waiting.reading() as connection:
        assert courses_to_offer(connection, NORRBY, TODAY) == ["fiddle"]
        assert courses_to_offer(connection, "19", TODAY) == ["fiddle"]
        assert courses_to_offer(connection, SODERBY, TODAY) == []
        assert courses_to_offer(connection, NORRBY, TODAY.replace(year=2028)) == []


def test_ten_thousand_wait_for_three_hundred_seats(storage: Storage) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(BY_STAFF, limits=Limits(courses=3))))
    ids = children(storage, 10_000)
    decide(storage, *(request(f"a{n:05}", pupil_id=each) for n, each in enumerate(ids)))
    tell(storage, replace(FIDDLE, capacity=302), CIRCUS)
    began = time.monotonic()
    found = look(storage)
    assert found.offered == 300
    assert offer(storage, found.digest) == 300
    assert time.monotonic() - began < 20
    assert seats(storage) == (302, 302, 9_698)
    assert len(facts(storage, PlaceOffered)) == 300

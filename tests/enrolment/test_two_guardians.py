"""Two guardians answer one offer: the first answer does not win, and the seat is held until it is settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import ApplicationEnded, ApplicationQueued, PlaceGiven, PlaceOffered
from services.contracts.rule_book import Answering, Limits
from services.enrolment import answering, commands, disputes, for_family, life
from services.enrolment.domain.answers import ACCEPTED, DECLINED, DISPUTED, HELD
from services.enrolment.expiry import OfferExpiry
from services.enrolment.tables import application_events, offer_answers, offer_cases, pupils, queue_dates
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    DANCE,
    MARIA,
    NORRBYS_RULES,
    SAMIRA,
    TODAY,
    all_is_well,
    children,
    count,
    decide,
    facts,
    request,
    seats,
    states,
    tell,
)

STAFF = "staff:1901:the tests"
SEVEN_DAYS = replace(NORRBYS_RULES, answering=Answering(answer_days=7))


@pytest.fixture
def offered(storage: Storage) -> Storage:
    """Alma, whose guardians are Maria and Samira, is offered a seat until 1 December; b0 waits behind."""
    offer_to_alma(storage, SEVEN_DAYS)
    return storage


def offer_to_alma(storage: Storage, book: object) -> None:
    tell(storage, RuleBookPublished("norrby-2024", book))  # type: ignore[arg-type]  # a rule book
    with storage.unit() as unit:
        life.connect_guardian(unit, "alma", SAMIRA, STAFF, why="the other guardian")
    first, second, behind = children(storage, 3)
    order = [first, second, "alma", behind]
    ids = ["p0", "p1", "a1", "b0"]
    decide(storage, *(request(id_, pupil_id=each) for id_, each in zip(ids, order, strict=True)))
    with storage.unit() as unit:
        commands.withdraw(unit, "p0", "the tests")


def says(storage: Storage, person: str, action: str, application_id: str = "a1") -> str:
    with storage.unit() as unit:
        command = getattr(answering, action)
        return str(command(unit, application_id, person, f"guardian:{person}"))


def refused(storage: Storage, person: str, action: str, application_id: str = "a1") -> str:
    before = count(storage, offer_answers), count(storage, offer_cases), count(storage, application_events)
    with pytest.raises(Refused) as raised:
        says(storage, person, action, application_id)
    after = count(storage, offer_answers), count(storage, offer_cases), count(storage, application_events)
    assert after == before
    return raised.value.refusal.name


def settles(storage: Storage, answer: str, application_id: str = "a1") -> None:
    with storage.unit() as unit:
        answering.settle(unit, application_id, answer, STAFF, why="We spoke with both.")


def is_disputed(storage: Storage) -> bool:
    with storage.reading() as connection:
        return [row.application_id for row in disputes.disputed_applications(connection)] == ["a1"]


def a_day_passes(storage: Storage, clock: FixedClock, days: int) -> None:
    clock.time += timedelta(days=days)
    OfferExpiry(storage).run_once()


def test_a_yes_gives_the_place_at_once(offered: Storage) -> None:
    assert says(offered, MARIA, "accept") == ACCEPTED
    assert states(offered)["a1"] == "placed"
    assert says(offered, SAMIRA, "accept") == ACCEPTED
    assert len(facts(offered, PlaceGiven)) == 3


def test_a_no_waits_for_the_other_guardian(offered: Storage) -> None:
    assert says(offered, MARIA, "decline") == HELD
    assert states(offered) == {"p0": "withdrawn", "p1": "placed", "a1": "offered", "b0": "queued"}
    assert says(offered, SAMIRA, "decline") == DECLINED
    assert (states(offered)["a1"], states(offered)["b0"]) == ("declined", "offered")
    assert all_is_well(offered)


def test_a_no_counts_when_the_time_is_over(offered: Storage, clock: FixedClock) -> None:
    says(offered, MARIA, "decline")
    a_day_passes(offered, clock, 7)
    assert states(offered)["a1"] == "offered"
    a_day_passes(offered, clock, 1)
    assert (states(offered)["a1"], states(offered)["b0"]) == ("declined", "offered")
    assert [fact.outcome for fact in facts(offered, ApplicationEnded)] == ["withdrawn", "declined"]


@both
@pytest.mark.parametrize("order", [("accept", "decline"), ("decline", "accept")])
def test_opposing_answers_are_a_case_for_the_school(offered: Storage, order: tuple[str, str]) -> None:
    says(offered, MARIA, order[0])
    assert says(offered, SAMIRA, order[1]) == DISPUTED
    assert is_disputed(offered)
    assert seats(offered) == (2, 2, 1)  # the seat is held, and nobody behind is offered it
    assert [fact.application_id for fact in facts(offered, PlaceOffered)] == ["a1"]
    assert all_is_well(offered)


@pytest.mark.parametrize("order", [("accept", "decline"), ("decline", "accept")])
@pytest.mark.parametrize("answer", ["yes", "no"])
def test_staff_settle_it(offered: Storage, order: tuple[str, str], answer: str) -> None:
    says(offered, MARIA, order[0])
    says(offered, SAMIRA, order[1])
    settles(offered, answer)
    assert not is_disputed(offered)
    if answer == "yes":
        assert (states(offered)["a1"], states(offered)["b0"]) == ("placed", "queued")
        assert sum(fact.application_id == "a1" for fact in facts(offered, PlaceGiven)) == 1
    else:
        had = "placed" if order[0] == "accept" else "offered"
        assert states(offered)["a1"] == ("withdrawn" if had == "placed" else "declined")
        assert states(offered)["b0"] == "offered"
    assert all_is_well(offered)
    with pytest.raises(Refused) as raised:
        settles(offered, answer)
    assert raised.value.refusal.name == "nothing_to_settle"


@pytest.mark.parametrize("order", [("accept", "decline"), ("decline", "accept")])
def test_the_seat_is_held_past_the_answer_time(
    offered: Storage, clock: FixedClock, order: tuple[str, str]
) -> None:
    says(offered, MARIA, order[0])
    says(offered, SAMIRA, order[1])
    a_day_passes(offered, clock, 60)
    assert is_disputed(offered)
    assert seats(offered) == (2, 2, 1)
    settles(offered, "yes")
    assert states(offered)["a1"] == "placed"


@pytest.mark.parametrize(
    ("order", "changes", "ends_as"),
    [
        (("accept", "decline"), (MARIA, "decline"), "withdrawn"),
        (("accept", "decline"), (SAMIRA, "accept"), "placed"),
        (("decline", "accept"), (MARIA, "accept"), "placed"),
        (("decline", "accept"), (SAMIRA, "decline"), "declined"),
    ],
)
def test_who_disagrees_may_come_to_agree(
    offered: Storage, order: tuple[str, str], changes: tuple[str, str], ends_as: str
) -> None:
    says(offered, MARIA, order[0])
    says(offered, SAMIRA, order[1])
    says(offered, *changes)
    assert states(offered)["a1"] == ends_as
    assert not is_disputed(offered)
    assert all_is_well(offered)


def test_who_said_no_may_say_yes_before_the_other_answers(offered: Storage) -> None:
    says(offered, MARIA, "decline")
    assert says(offered, MARIA, "accept") == ACCEPTED
    assert states(offered)["a1"] == "placed"


def test_after_the_answer_time_a_place_is_a_place(offered: Storage, clock: FixedClock) -> None:
    says(offered, MARIA, "accept")
    clock.time += timedelta(days=8)
    assert refused(offered, SAMIRA, "decline") == "no_offer"
    assert says(offered, SAMIRA, "withdraw") == "withdrawn"  # as of any other place


def test_a_withdrawal_is_no_way_around(offered: Storage) -> None:
    assert refused(offered, SAMIRA, "withdraw") == "answer_first"
    says(offered, MARIA, "accept")
    assert says(offered, SAMIRA, "withdraw") == DISPUTED
    assert refused(offered, MARIA, "withdraw") == "case_open"
    with pytest.raises(Refused) as raised, offered.unit() as unit:
        for_family.act_for_family(unit, "a1", "withdraw", STAFF, why="Called.")
    assert raised.value.refusal.name == "case_open"
    assert states(offered)["a1"] == "placed"


def test_one_who_accepted_may_give_up_the_place(offered: Storage) -> None:
    says(offered, MARIA, "accept")
    assert says(offered, MARIA, "withdraw") == "withdrawn"


def test_an_offer_without_an_end_waits_for_the_other_or_the_school(storage: Storage) -> None:
    offer_to_alma(storage, NORRBYS_RULES)
    assert says(storage, MARIA, "decline") == HELD
    assert says(storage, SAMIRA, "accept") == DISPUTED
    settles(storage, "no")
    assert states(storage)["a1"] == "declined"


def test_what_the_place_ended_waits_again(storage: Storage) -> None:
    """One instrument only: the acceptance ended Alma's other queue, and the settlement undoes that."""
    tell(storage, replace(DANCE, capacity=1, shared=True))
    decide(storage, request("d0", "dance", "noor"), request("d1", "dance", "alma"))
    offer_to_alma(storage, replace(SEVEN_DAYS, limits=Limits(one_instrument=True)))
    says(storage, MARIA, "accept")
    assert states(storage, "dance")["d1"] == "one_instrument"
    says(storage, SAMIRA, "decline")
    settles(storage, "no")
    assert states(storage, "dance") == {"d0": "placed", "d1": "queued"}
    assert seats(storage, "dance") == (1, 1, 1)
    again = facts(storage, ApplicationQueued)[-1]
    assert (again.application_id, again.position) == ("d1", 1)
    with storage.reading() as connection:
        of_alma = sa.select(queue_dates.c.queued_at).where(queue_dates.c.pupil_id == "alma")
        assert connection.scalars(of_alma).all() == [again.queued_at]
    assert all_is_well(storage)


def test_from_the_18th_birthday_the_pupil_alone_answers(offered: Storage) -> None:
    with offered.unit() as unit:
        of_age = {"born_on": date(TODAY.year - 18, TODAY.month, TODAY.day)}
        unit.execute(sa.update(pupils).where(pupils.c.pupil_id == "alma").values(**of_age))
    assert says(offered, "alma", "decline") == DECLINED


def test_a_child_does_not_decide_between_its_guardians(offered: Storage) -> None:
    says(offered, MARIA, "decline")
    says(offered, SAMIRA, "accept")
    for action in ("accept", "decline", "withdraw"):
        assert refused(offered, "alma", action) == "case_open"
    assert states(offered)["a1"] == "offered"
    assert is_disputed(offered)


def test_who_turns_18_meanwhile_settles_it(offered: Storage) -> None:
    says(offered, MARIA, "decline")
    says(offered, SAMIRA, "accept")
    with offered.unit() as unit:
        unit.execute(sa.update(pupils).where(pupils.c.pupil_id == "alma").values(born_on=date(2008, 11, 24)))
    assert says(offered, "alma", "accept") == ACCEPTED
    assert not is_disputed(offered)
    with pytest.raises(Refused) as raised:
        settles(offered, "no")
    assert raised.value.refusal.name == "nothing_to_settle"
    assert states(offered)["a1"] == "placed"


def test_staff_accept_for_no_family_of_which_a_guardian_has_said_no(offered: Storage) -> None:
    says(offered, MARIA, "decline")
    with pytest.raises(Refused) as raised, offered.unit() as unit:
        for_family.act_for_family(unit, "a1", "accept", STAFF, why="The other one called.")
    assert raised.value.refusal.name == "guardian_said_no"
    assert states(offered)["a1"] == "offered"


def test_a_course_that_is_cancelled_leaves_nothing_to_settle(offered: Storage) -> None:
    says(offered, MARIA, "accept")
    says(offered, SAMIRA, "decline")
    with offered.unit() as unit:
        commands.cancel_course(unit, "fiddle", "the tests")
    assert not is_disputed(offered)


@both
@pytest.mark.parametrize("round_", range(3))
def test_both_answer_at_once(offered: Storage, round_: int) -> None:
    """Whoever is first, they disagree, and nobody behind gets the seat meanwhile."""
    both_say = [
        eventlet.spawn(says, offered, person, action)
        for person, action in ((MARIA, "accept"), (SAMIRA, "decline"))
    ]
    assert DISPUTED in [each.wait() for each in both_say]
    assert is_disputed(offered)
    assert states(offered)["b0"] == "queued"
    assert all_is_well(offered)

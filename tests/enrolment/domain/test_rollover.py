"""The rollover's plan: whatever the input, nobody is lost and no course is overfull."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.eligibility import CourseTerms, Known, Municipality
from services.contracts.rule_book import CarryOver, Eligibility
from services.contracts.rule_dates import TermDays
from services.enrolment.domain.admission import Applicant, CourseState
from services.enrolment.domain.ceilings import Ceiling, Ceilings
from services.enrolment.domain.queue import Waiting
from services.enrolment.domain.rollover import Holder, Input, Plan, plan
from tests.enrolment.story import NORRBY, NORRBYS_RULES, SODERBY

STARTS, TODAY = date(2027, 8, 30), date(2027, 5, 10)
HOMES = {code: Municipality(code, code, date(2015, 1, 1), None) for code in (NORRBY, SODERBY)}
T0 = datetime(2026, 11, 1, tzinfo=UTC)
SEATED = ("continues", "confirm", "offered")


def course(course_id: str, capacity: int, taken: int, carry: CarryOver, *, cancelled: bool) -> CourseState:
    terms = CourseTerms(
        host=HOMES[NORRBY],
        shared=True,
        min_age=6,
        max_age=99,
        fee_kind="instrument",
        term_starts_on=STARTS,
        term_ends_on=date(2027, 12, 17),
        apply_from=None,
        apply_until=None,
        cancelled=cancelled,
    )
    book = replace(NORRBYS_RULES, eligibility=Eligibility(6, 19, adult_if_space=True), carry_over=carry)
    return CourseState(course_id, "ht27", terms, book, capacity, capacity, min(taken, capacity), 0)


def waiting(application_id: str, pupil_id: str, home: str, born: int, at: datetime) -> Waiting:
    age = STARTS.year - born
    return Waiting(
        application_id, at, age, home == NORRBY, False, is_adult=age > 19, pupil_id=pupil_id, home_code=home
    )


CARRIES = st.builds(
    CarryOver,
    places=st.sampled_from(["continue", "continue", "confirm", "end"]),
    queue=st.sampled_from(["continue", "continue", "confirm", "end"]),
    adults=st.sampled_from(["continue", "end", "if_space"]),
    confirm_by=st.sampled_from([TermDays(), TermDays(autumn="05-01"), TermDays(autumn="06-01")]),
)


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    courses, continued, holders, queues = {}, {}, [], {}
    for n in range(draw(st.integers(1, 3))):
        old, new = f"old{n}", f"new{n}"
        goes_on = draw(st.booleans()) or n == 0
        continued[old] = new if goes_on else None
        state = course(
            new,
            draw(st.integers(1, 6)),
            draw(st.integers(0, 3)),
            draw(CARRIES),
            cancelled=draw(st.booleans()),
        )
        there = draw(st.integers(0, 3))
        courses[new] = replace(state, waiting=there)
        queues[new] = [
            waiting(
                f"{new}-w{k}", f"{new}-p{k}", draw(st.sampled_from([*HOMES])), 2015, T0 + timedelta(days=k)
            )
            for k in range(there)
        ]
        for k in range(draw(st.integers(0, 8))):
            holders.append(draw(holder(old, f"{old}-{k}", goes_on)))
    ceiling = {(SODERBY, "ht27"): Ceiling(draw(st.integers(0, 3)), None)} if draw(st.booleans()) else {}
    return Input("ht27", STARTS, TODAY, continued, courses, holders, queues, {}, Ceilings(ceiling))


@st.composite
def holder(draw: st.DrawFn, old: str, name: str, goes_on: bool) -> Holder:  # hypothesis passes it on
    home, born = draw(st.sampled_from([*HOMES])), draw(st.sampled_from([1980, 2015, 2018, 2024]))
    at = T0 + timedelta(hours=draw(st.integers(0, 50)))
    pupil = Applicant(f"pupil-{name}", date(born, 1, 1), HOMES[home], Known(born_on=date(born, 1, 1)))
    state = draw(st.sampled_from(["placed", "placed", "queued", "offered"]))
    next_id = f"{name}-next" if state == "placed" else name
    return Holder(
        application_id=name,
        course_id=old,
        state=state,
        applicant=pupil,
        since=at,
        queued_at=at,
        answer=draw(st.sampled_from([None, None, "confirmed", "given_up"])),
        has_next=draw(st.sampled_from([False, False, False, True])),
        waiting=waiting(next_id, pupil.pupil_id, home, born, at) if goes_on else None,
    )


def of_holders(input_: Input, planned: Plan) -> dict[str, Any]:
    ids = {each.application_id for each in input_.holders}
    return {each.application_id: each for each in planned.effects if each.application_id in ids}


@given(inputs())
def test_every_application_has_one_effect_with_a_reason(given_: Input) -> None:
    planned = plan(given_)
    counts = Counter(each.application_id for each in planned.effects)
    assert set(counts.values()) <= {1}
    assert set(of_holders(given_, planned)) == {each.application_id for each in given_.holders}
    assert all(each.reason for each in planned.effects)
    others = [each for each in planned.effects if each.application_id not in of_holders(given_, planned)]
    assert {each.kind for each in others} <= {"offered"}


@given(inputs())
def test_no_course_is_overfull_and_every_seat_is_accounted_for(given_: Input) -> None:
    planned = plan(given_)
    for course_id, after in planned.courses.items():
        before = given_.courses[course_id]
        assert 0 <= after.taken <= after.capacity
        mine = [each for each in planned.effects if each.to_course == course_id]
        assert after.taken - before.taken == sum(each.kind in SEATED for each in mine)
        joined = sum(each.kind == "waits" for each in mine)
        left = sum(each.kind == "offered" and each.from_course == course_id for each in mine)
        assert after.waiting == before.waiting + joined - left >= 0


@given(inputs())
def test_the_run_is_the_dry_run(given_: Input) -> None:
    """Planning changes nothing of the input, and the order in which it was read decides nothing."""
    digest = given_.digest
    first = plan(given_)
    assert given_.digest == digest
    assert plan(given_).effects == first.effects
    shuffled = list(given_.holders)
    random.Random(1).shuffle(shuffled)
    assert plan(replace(given_, holders=shuffled)).effects == first.effects


@given(inputs())
def test_whoever_is_there_already_is_left_alone(given_: Input) -> None:
    there = [replace(each, has_next=True) for each in given_.holders]
    planned = plan(replace(given_, holders=there))
    assert {each.kind for each in of_holders(given_, planned).values()} <= {"stays"}


@given(inputs())
def test_what_was_given_up_ends_and_what_was_confirmed_is_not_asked_again(given_: Input) -> None:
    effects = of_holders(given_, plan(given_))
    for each in given_.holders:
        effect = effects[each.application_id]
        if each.answer == "given_up" and each.state != "offered" and not each.has_next:
            assert (effect.kind, effect.reason) == ("ends", "given_up")
        if each.answer == "confirmed":
            assert effect.kind != "confirm"
            assert effect.reason not in ("queue_to_confirm", "not_confirmed")


@given(inputs())
def test_a_ceiling_is_never_passed(given_: Input) -> None:
    planned = plan(given_)
    for (home, _), ceiling in given_.ceilings.by_home_and_term.items():
        homes = {each.applicant.pupil_id: each.applicant.home.code for each in given_.holders}
        homes |= {each.pupil_id: each.home_code for queue in given_.queues.values() for each in queue}
        seated = [each for each in planned.effects if each.kind in SEATED]
        assert ceiling.most_places is not None
        assert sum(homes[each.pupil_id] == home for each in seated) <= ceiling.most_places


@given(inputs())
def test_where_adults_make_room_none_goes_on_while_a_child_is_left_waiting(given_: Input) -> None:
    planned = plan(given_)
    effects = of_holders(given_, planned)
    if given_.ceilings.by_home_and_term:
        return  # who may not have a seat at any time keeps nobody from one
    for each in given_.holders:
        effect = effects[each.application_id]
        after = planned.courses.get(effect.to_course or "")
        if after is None or each.state != "placed" or each.applicant.born_on.year > 1980:
            continue
        if effect.kind in ("continues", "confirm") and after.rule_book.carry_over.adults == "if_space":
            waits = [e for e in planned.effects if e.to_course == effect.to_course and e.kind == "waits"]
            children = [
                e for e in waits if e.application_id in effects and _is_child(given_, e.application_id)
            ]
            assert children == []


def _is_child(given_: Input, application_id: str) -> bool:
    found = next(each for each in given_.holders if each.application_id == application_id)
    return found.applicant.born_on.year > 1980

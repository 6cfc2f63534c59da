from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.clock import local_date
from services.contracts.rule_book import ORDER_CRITERIA, Times
from services.contracts.rule_dates import TermDays
from services.enrolment.domain.queue import ADULT_AGE, Waiting, ahead_by_kind, in_order, order_on, position_of
from tests.enrolment.story import NORRBYS_RULES

FIRST = datetime(2026, 11, 1, tzinfo=UTC)

# Whether the first goes before the second by a criterion alone, written once more in other words.
GOES_BEFORE: dict[str, Callable[[Waiting, Waiting], bool]] = {
    "children_before_adults": lambda a, b: a.age <= 19 and b.age >= 20,
    "new_pupils_first": lambda a, b: not a.has_place_at_school and b.has_place_at_school,
    "host_residents_first": lambda a, b: a.lives_in_host and not b.lives_in_host,
    "moved_in_first": lambda a, b: a.moved_in_and_played and not b.moved_in_and_played,
    "on_time_first": lambda a, b: b.is_late and not a.is_late,
    "siblings_first": lambda a, b: a.has_sibling_on_course and not b.has_sibling_on_course,
    "queue_day": lambda a, b: local_date(a.queued_at) < local_date(b.queued_at),
    "lottery": lambda a, b: a.draw < b.draw,
    "queue_date": lambda a, b: a.queued_at < b.queued_at,
}

orders = st.lists(st.sampled_from(ORDER_CRITERIA), min_size=1, max_size=4, unique=True)
# Few days and few ages, so that many are equal.
waiting = st.builds(
    Waiting,
    application_id=st.integers(0, 99).map(str),
    queued_at=st.integers(0, 9).map(lambda thirds: FIRST + timedelta(hours=8 * thirds)),
    age=st.sampled_from([6, 12, 19, 20, 45]),
    lives_in_host=st.booleans(),
    has_place_at_school=st.booleans(),
    moved_in_and_played=st.booleans(),
    is_late=st.booleans(),
    has_sibling_on_course=st.booleans(),
    draw=st.sampled_from("abc"),
)
queues = st.lists(waiting, max_size=12, unique_by=lambda each: each.application_id)


def one(name: str, day: int = 0, age: int = 10, lives: bool = False, placed: bool = False) -> Waiting:
    return Waiting(name, FIRST + timedelta(days=day), age, lives, placed)


def order_of(queue: Sequence[Waiting], *order: str) -> str:
    return "".join(each.application_id for each in in_order(queue, order))


def test_every_criterion_of_a_rule_book_is_known() -> None:
    assert set(GOES_BEFORE) == set(ORDER_CRITERIA)
    assert order_of([one("b", 1), one("a")], *ORDER_CRITERIA) == "ab"


@given(queues, orders)
def test_nobody_is_lost_and_nobody_comes_twice(queue: list[Waiting], order: list[str]) -> None:
    result = in_order(queue, order)
    assert len(result) == len(queue)
    assert set(result) == set(queue)


@given(queues, orders, st.randoms(use_true_random=False))
def test_the_order_it_was_read_in_does_not_matter(
    queue: list[Waiting], order: list[str], random: Random
) -> None:
    shuffled = list(queue)
    random.shuffle(shuffled)
    assert in_order(shuffled, order) == in_order(queue, order)


@given(queues, orders)
def test_it_is_in_order_already(queue: list[Waiting], order: list[str]) -> None:
    result = in_order(queue, order)
    assert in_order(result, order) == result


@given(queues, orders)
def test_each_criterion_counts_in_the_rule_books_order(queue: list[Waiting], order: list[str]) -> None:
    """Of any two, the first criterion by which they differ decides; then the queue date, then the id."""
    result = in_order(queue, order)
    for place, before in enumerate(result):
        for after in result[place + 1 :]:
            for name in [*order, "queue_date"]:
                assert not GOES_BEFORE[name](after, before)
                if GOES_BEFORE[name](before, after):
                    break
            else:
                assert before.application_id < after.application_id


@given(queues.filter(bool), orders, st.data())
def test_who_leaves_changes_nothing_between_the_others(
    queue: list[Waiting], order: list[str], data: st.DataObject
) -> None:
    leaver = data.draw(st.sampled_from(queue))
    rest = [each for each in queue if each is not leaver]
    assert in_order(rest, order) == [each for each in in_order(queue, order) if each is not leaver]


@given(queues, waiting, orders)
def test_who_comes_makes_nobody_pass_another(queue: list[Waiting], comer: Waiting, order: list[str]) -> None:
    others = [each for each in queue if each.application_id != comer.application_id]
    joined = in_order([*others, comer], order)
    assert [each for each in joined if each is not comer] == in_order(others, order)


@given(queues, orders)
def test_positions_count_from_one(queue: list[Waiting], order: list[str]) -> None:
    result = in_order(queue, order)
    positions = [position_of(each.application_id, result) for each in result]
    assert positions == list(range(1, len(queue) + 1))


@given(queues.filter(bool), orders, st.data())
def test_who_is_ahead_is_counted_by_the_criterion_that_puts_them_there(
    queue: list[Waiting], order: list[str], data: st.DataObject
) -> None:
    result = in_order(queue, order)
    mine = data.draw(st.sampled_from(result))
    ahead = ahead_by_kind(mine.application_id, result, order)
    assert sum(ahead.values()) == position_of(mine.application_id, result) - 1
    assert set(ahead) <= {*order, "queue_date"}
    for name, count in ahead.items():
        could = [each for each in result if GOES_BEFORE[name](each, mine)]
        # Who came in the same moment is told from the others by nothing but the id.
        same = [each for each in result if each.queued_at == mine.queued_at and name == "queue_date"]
        assert count <= len(could) + len(same)


def test_who_does_not_wait_has_no_position() -> None:
    with pytest.raises(LookupError):
        position_of("b", [one("a")])


def test_the_queue_date_alone() -> None:
    queue = [one("c", 2, lives=True), one("a", 0, 45, placed=True), one("b", 1)]
    assert order_of(queue, "queue_date") == "abc"


def test_residents_of_the_host_go_before_who_came_earlier() -> None:
    assert order_of([one("b", 0), one("a", 9, lives=True)], "host_residents_first", "queue_date") == "ab"


def test_new_pupils_go_before_who_has_a_place_at_the_school() -> None:
    assert order_of([one("b", 0, placed=True), one("a", 9)], "new_pupils_first", "queue_date") == "ab"


def test_children_are_up_to_and_including_nineteen() -> None:
    assert ADULT_AGE == 20
    queue = [one("c", 0, 20), one("a", 1, 19), one("b", 2, 7)]
    assert order_of(queue, "children_before_adults", "queue_date") == "abc"


def test_the_same_criteria_the_other_way_round_are_another_order() -> None:
    resident, newcomer = one("r", lives=True, placed=True), one("n")
    both = [resident, newcomer]
    assert order_of(both, "host_residents_first", "new_pupils_first") == "rn"
    assert order_of(both, "new_pupils_first", "host_residents_first") == "nr"


def test_equals_go_by_date_also_where_the_rule_book_does_not_say_so() -> None:
    assert order_of([one("b", 1), one("c", 1), one("a", 2), one("z", 0)], "host_residents_first") == "zbca"


@pytest.mark.parametrize(
    ("order", "as_it_holds"),
    [
        (("queue_date",), ("on_time_first", "queue_date")),
        (("children_before_adults", "queue_date"), ("children_before_adults", "on_time_first", "queue_date")),
        (("new_pupils_first", "on_time_first"), ("new_pupils_first", "on_time_first")),
    ],
)
def test_who_comes_late_if_there_is_space_stands_behind_those_in_time(
    order: tuple[str, ...], as_it_holds: tuple[str, ...]
) -> None:
    times = Times(apply_until=TermDays(spring="12-01"), late_if_space=True)
    book = replace(NORRBYS_RULES, order=order, times=times)
    assert order_on(book, date(2027, 1, 18), date(2026, 12, 2)) == as_it_holds
    assert replace(book, times=Times()).criteria == order

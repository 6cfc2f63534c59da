from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.places import WHOLE, Move, Stay, days_held, residence, stays

SPRING = (date(2028, 1, 10), date(2028, 6, 9))  # a leap year
HOMES = ("1904", "1907", "1962", "1980")
DAYS = st.dates(date(2027, 6, 1), date(2029, 1, 31))
MOVES = st.lists(st.builds(Move, st.sampled_from(HOMES), st.sampled_from(HOMES), DAYS), max_size=6)


@st.composite
def chains(draw: st.DrawFn) -> list[Move]:
    """Moves as enrolment says them: each from where the one before it led."""
    homes = draw(st.lists(st.sampled_from(HOMES), min_size=2, max_size=6))
    return [Move(a, b, draw(DAYS)) for a, b in pairwise(homes)]


@st.composite
def spans(draw: st.DrawFn) -> tuple[date, date]:
    first = draw(DAYS)
    return first, first + timedelta(days=draw(st.integers(0, 400)))


@given(st.one_of(MOVES, chains()), spans())
def test_the_parts_of_any_place_sum_to_one_and_cover_its_days_once(
    moves: list[Move], span: tuple[date, date]
) -> None:
    first, last = span
    found = stays("1962", first, last, moves)
    assert sum(each.thousandths for each in found) == WHOLE
    assert sum(each.days for each in found) == (last - first).days + 1
    assert (found[0].first_on, found[-1].last_on) == (first, last)
    for earlier, later in pairwise(found):
        assert later.first_on == earlier.last_on + timedelta(days=1)
        assert later.home != earlier.home
    exact = [WHOLE * each.days / ((last - first).days + 1) for each in found]
    assert all(abs(each.thousandths - share) < 1 for each, share in zip(found, exact, strict=True))


@given(chains(), spans())
def test_who_has_moved_last_lives_where_the_move_led(moves: list[Move], span: tuple[date, date]) -> None:
    homes = residence(moves)
    assert homes[-1][1] == moves[-1].to_municipality
    assert [day for day, _ in homes] == sorted(day for day, _ in homes)


def test_a_move_within_the_term_splits_it_on_the_day() -> None:
    found = stays("1962", *SPRING, [Move("1962", "1980", date(2028, 3, 1))])
    # 10 January to 29 February are 51 days, and 101 are left of 152.
    assert found == (
        Stay("1962", SPRING[0], date(2028, 2, 29), 336),
        Stay("1980", date(2028, 3, 1), SPRING[1], 664),
    )
    assert [each.days for each in found] == [51, 101]


@pytest.mark.parametrize(
    ("moved_on", "parts"),
    [
        (SPRING[0] - timedelta(days=1), [("1980", 152)]),
        (SPRING[0], [("1980", 152)]),
        (SPRING[0] + timedelta(days=1), [("1962", 1), ("1980", 151)]),
        (date(2028, 2, 29), [("1962", 50), ("1980", 102)]),
        (SPRING[1], [("1962", 151), ("1980", 1)]),
        (SPRING[1] + timedelta(days=1), [("1962", 152)]),
    ],
)
def test_the_day_of_the_move_is_the_first_in_the_new_home(
    moved_on: date, parts: list[tuple[str, int]]
) -> None:
    found = stays("1962", *SPRING, [Move("1962", "1980", moved_on)])
    assert [(each.home, each.days) for each in found] == parts


def test_there_and_back_again_counts_both_stays_at_home() -> None:
    moves = [Move("1962", "1980", date(2028, 2, 1)), Move("1980", "1962", date(2028, 3, 1))]
    assert [each.home for each in stays("1962", *SPRING, moves)] == ["1962", "1980", "1962"]


def test_what_was_said_last_holds_from_its_day_on() -> None:
    wrong = Move("1962", "1980", date(2028, 3, 1))
    taken_back = Move("1980", "1962", date(2028, 3, 1))
    assert [each.home for each in stays("1962", *SPRING, [wrong, taken_back])] == ["1962"]
    elsewhere_before = Move("1980", "1904", date(2028, 2, 1))
    assert [(each.home, each.days) for each in stays("1962", *SPRING, [wrong, elsewhere_before])] == [
        ("1962", 22),
        ("1904", 130),
    ]


@pytest.mark.parametrize("day", [date(2028, 2, 1), date(2028, 4, 1)])
def test_another_day_for_the_same_move_is_a_correction_of_it(day: date) -> None:
    moves = [Move("1962", "1980", date(2028, 3, 1)), Move("1980", "1980", day)]
    assert residence(moves) == [(date.min, "1962"), (day, "1980")]


def test_a_place_given_late_is_held_from_then_on() -> None:
    assert days_held(*SPRING, date(2027, 12, 1)) == SPRING
    assert days_held(*SPRING, date(2028, 2, 29)) == (date(2028, 2, 29), SPRING[1])
    assert days_held(*SPRING, date(2028, 7, 1)) == (SPRING[1], SPRING[1])

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrolment.domain.statistics import (
    LEAST_TOLD,
    Place,
    age_group,
    counted,
    individuals,
    once_each,
    told,
    told_alone,
    told_of,
    unmet,
    unmet_demand,
    yearly,
)

counts = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 20), max_size=6)


def place(pupil_id: str, **changes: Any) -> Place:
    values: dict[str, Any] = {
        "state": "placed",
        "age": 9,
        "gender": "f",
        "municipality": "1980",
        "art_form": "dance",
        "is_first_time": True,
        **changes,
    }
    return Place(pupil_id, **values)


numbers = st.integers(0, 20)


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(numbers, numbers), max_size=6))
def test_of_a_whole_what_is_left_is_not_small_either(parts: dict[str, tuple[int, int]]) -> None:
    """Of each kind (those who are new, those who are not): neither is told where one of them is small."""
    new = {key: part for key, (part, _) in parts.items()}
    found = told(new, {key: sum(both) for key, both in parts.items()})
    for key, both in parts.items():
        if any(0 < number < LEAST_TOLD for number in both):
            assert found[key] is None
        else:
            assert found[key] in (new[key], None)


def test_demand_counts_who_has_no_place_and_once_a_kind() -> None:
    places = [
        place("alma"),
        place("alma", state="queued", art_form="music"),
        place("noor", state="queued"),
        place("noor", state="queued"),
        place("noor", state="queued", art_form="music"),
        place("anton", state="queued", municipality="1960"),
    ]
    waiting = unmet_demand(places)
    assert {each.pupil_id for each in waiting} == {"noor", "anton"}
    assert counted(once_each(waiting, lambda each: each.art_form), lambda each: each.art_form) == {
        "dance": 2,
        "music": 1,
    }
    by_home = once_each(waiting, lambda each: each.municipality)
    assert counted(by_home, lambda each: each.municipality) == {"1980": 1, "1960": 1}
    assert unmet(places) == 2


@given(counts)
def test_a_small_number_is_not_told_and_cannot_be_reckoned(given_counts: dict[str, int]) -> None:
    found = told(given_counts)
    assert set(found) == set(given_counts)
    left_out = [key for key, count in found.items() if count is None]
    for key, count in given_counts.items():
        if 0 < count < LEAST_TOLD:
            assert found[key] is None
        else:
            assert found[key] in (count, None)
    if left_out:
        others = [key for key, count in given_counts.items() if count]
        assert len(left_out) > 1 or len(others) == 1


def test_no_number_that_is_left_out_can_be_reckoned_from_the_sum() -> None:
    """Every table of three kinds up to twelve: what is told fits more than one number for each left out."""
    fits: dict[object, list[tuple[int, ...]]] = {}
    for table in itertools.product(range(1, 13), repeat=3):
        shown = tuple(told(dict(zip("abc", table, strict=True))).values())
        fits.setdefault((shown, told_alone(sum(table))), []).append(table)
    for (shown, _), tables in fits.items():  # type: ignore[misc]  # as put in above
        for position, number in enumerate(shown):
            if number is None:
                assert len({table[position] for table in tables}) > 1, tables


def test_alone_and_as_a_part() -> None:
    assert [told_alone(number) for number in (0, 1, 4, 5)] == [0, None, None, 5]
    assert [told_of(part, 9) for part in (0, 1, 4, 5, 8, 9)] == [0, None, None, None, None, 9]
    assert told_of(5, 12) == 5


def test_what_is_large_enough_is_told() -> None:
    assert told({"a": 5, "b": 0, "c": 12}) == {"a": 5, "b": 0, "c": 12}
    assert told({"a": 4, "b": 6, "c": 12}) == {"a": None, "b": None, "c": 12}


@pytest.mark.parametrize(
    ("age", "group"), [(5, "0–5"), (6, "6–9"), (12, "10–12"), (13, "13–15"), (19, "16–19"), (20, "20+")]
)
def test_age_groups(age: int, group: str) -> None:
    assert age_group(age) == group


def test_an_individual_with_two_places_is_one() -> None:
    places = [place("a"), place("a", art_form="film"), place("b", gender="m"), place("c", state="queued")]
    assert individuals(places) == 2
    assert unmet([*places, place("a", state="queued")]) == 1  # a waits, but has a place
    (row,) = [row for row in yearly(places) if row.age == 9]
    assert (dict(row.individuals), dict(row.places)) == ({"f": 1, "m": 1}, {"f": 2, "m": 1})
    assert [row.age for row in yearly(places)] == list(range(6, 20))

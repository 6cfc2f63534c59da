"""Figures of a school's places that point at nobody: small numbers are not told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

LEAST_TOLD = 5  # fewer could point at one child
CHILD_AGES = range(6, 20)  # the ages that Kulturrådet asks for


@dataclass(frozen=True, slots=True)
class Place:
    """A place or a place in the queue, as far as it is counted. `gender` is `f`, `m` or None if not known.

    `municipality` is None for a pupil with protected identity.
    """

    pupil_id: str
    state: str
    age: int
    gender: str | None
    municipality: str | None
    art_form: str
    is_first_time: bool

    @property
    def is_held(self) -> bool:
        return self.state != "queued"


def counted(places: Iterable[Place], by: Callable[[Place], Hashable]) -> dict[Hashable, int]:
    """How many places by something."""
    return dict(Counter(by(place) for place in places))


def told(
    counts: Mapping[Hashable, int], wholes: Mapping[Hashable, int] | None = None
) -> dict[Hashable, int | None]:
    """The counts with small ones as None; a zero is told. Of `wholes` each is a part: no rest is small.

    The sum of all is told elsewhere, so the next smallest go too, until what is left of the sum may be shared
    out in more than one way: one of them is more than the least that is told, and less than the next.
    """
    hidden = {key for key, count in counts.items() if told_alone(count) is None}
    if wholes is not None:
        hidden |= {key for key, count in counts.items() if told_of(count, wholes[key]) is None}
    if hidden:
        large = {key: count for key, count in counts.items() if count >= LEAST_TOLD and key not in hidden}
        hidden |= _beside(sorted((count, str(key), key) for key, count in large.items()))
    return {key: None if key in hidden else count for key, count in counts.items()}


def _beside(others: Sequence[tuple[int, str, Hashable]]) -> set[Hashable]:
    """Of those that are large enough, the smallest first, which go too."""
    found: set[Hashable] = set()
    for position, (count, _, key) in enumerate(others):
        found.add(key)
        if count > LEAST_TOLD and (position + 1 == len(others) or others[position + 1][0] > count):
            break
    return found


def told_alone(count: int) -> int | None:
    """None for a small one."""
    return None if 0 < count < LEAST_TOLD else count


def told_of(part: int, whole: int) -> int | None:
    """A part of a whole that is told: None where the part, or what is left of the whole, is small."""
    return None if None in (told_alone(part), told_alone(whole - part)) else part


def age_group(age: int) -> str:
    for first, last in ((0, 5), (6, 9), (10, 12), (13, 15), (16, 19)):
        if first <= age <= last:
            return f"{first}–{last}"
    return "20+"


def individuals(places: Iterable[Place]) -> int:
    """Unique pupils who hold a place."""
    return len({place.pupil_id for place in places if place.is_held})


def unmet(places: Iterable[Place]) -> int:
    """Unique pupils who wait and hold no place at the school."""
    return len({place.pupil_id for place in unmet_demand(places)})


def unmet_demand(places: Iterable[Place]) -> list[Place]:
    """What those wait for who hold no place at the school."""
    all_places = list(places)
    having = {place.pupil_id for place in all_places if place.is_held}
    return [place for place in all_places if not place.is_held and place.pupil_id not in having]


def once_each(places: Iterable[Place], by: Callable[[Place], Hashable]) -> list[Place]:
    """One place a pupil and kind, so that counting them counts pupils."""
    return list({(place.pupil_id, by(place)): place for place in places}.values())


@dataclass(frozen=True, slots=True)
class YearlyRow:
    """One age: unique individuals and places by gender, as Kulturrådet asks for them."""

    age: int
    individuals: Mapping[str | None, int]
    places: Mapping[str | None, int]


def yearly(places: Iterable[Place]) -> list[YearlyRow]:
    """A row an age from 6 to 19 years; a pupil with two places is one individual."""
    held = [place for place in places if place.is_held]
    rows = []
    for age in CHILD_AGES:
        of_age = [place for place in held if place.age == age]
        people = {place.pupil_id: place.gender for place in of_age}
        rows.append(YearlyRow(age, Counter(people.values()), Counter(place.gender for place in of_age)))
    return rows

"""What a home municipality lets its pupils take in other municipalities, in places or in kronor a term."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from services.contracts.eligibility import CourseTerms
from services.contracts.rule_book import RuleBook


class Course(Protocol):
    """What a ceiling asks of a course."""

    @property
    def term_id(self) -> str: ...

    @property
    def terms(self) -> CourseTerms: ...

    @property
    def rule_book(self) -> RuleBook: ...


@dataclass(slots=True)
class Ceiling:
    """`most` None is no limit; `used` counts what is held in other municipalities, in places and öre."""

    most_places: int | None
    most_ore: int | None
    used_places: int = 0
    used_ore: int = 0

    def has_room_for(self, fee_ore: int, places: int = 1) -> bool:
        within = self.most_places is None or self.used_places + places <= self.most_places
        return within and (self.most_ore is None or self.used_ore + places * fee_ore <= self.most_ore)


@dataclass(slots=True)
class Ceilings:
    """The ceilings by home municipality and term, as they are used up while seats are given."""

    by_home_and_term: dict[tuple[str, str], Ceiling] = field(default_factory=dict)

    def is_reached(self, home_code: str, course: Course, places: int = 1) -> bool:
        """Whether it leaves no room for so many more places on the course."""
        ceiling = self._of(home_code, course)
        return ceiling is not None and not ceiling.has_room_for(fee_of(course), places)

    def use(self, home_code: str, course: Course) -> None:
        ceiling = self._of(home_code, course)
        if ceiling is not None:
            ceiling.used_places += 1
            ceiling.used_ore += fee_of(course)

    def _of(self, home_code: str, course: Course) -> Ceiling | None:
        """A pupil at home uses nothing of what is for other municipalities."""
        if home_code == course.terms.host.code:
            return None
        return self.by_home_and_term.get((home_code, course.term_id))


def fee_of(course: Course) -> int:
    """What a ceiling in kronor counts for a place on the course."""
    return fee_of_kind(course.rule_book, course.terms.fee_kind)


def fee_of_kind(rule_book: RuleBook, kind: str) -> int:
    """The fee of the kind, without what lowers it for one family; the highest where rules set several."""
    return max(rule_book.fees_of(kind), default=0)

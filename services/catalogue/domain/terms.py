"""The two terms of a school year, and which one families apply for now."""

from __future__ import annotations

from datetime import date, timedelta

from services.contracts.catalogue import TermOpened
from services.contracts.fact import LocalText

MONDAY, FRIDAY = 1, 5
# ISO weeks of a term's first Monday and last Friday, as the county's schools keep them.
SPRING_WEEKS = (3, 22)
AUTUMN_WEEKS = (35, 50)
SPRING_ENDS_APPLYING = 4  # from May on families look at the autumn
AUTUMN_ENDS_APPLYING = 9  # and from October at the next spring


def term_to_apply_for(day: date) -> TermOpened:
    """The term whose courses families apply for on `day`. Applications are open all the time."""
    if day.month <= SPRING_ENDS_APPLYING:
        return spring_term(day.year)
    if day.month <= AUTUMN_ENDS_APPLYING:
        return autumn_term(day.year)
    return spring_term(day.year + 1)


def term_of_id(term_id: str) -> TermOpened | None:
    """The term named `VT2027` or `HT2027`; None for what is no such name."""
    season, year = term_id[:2], term_id[2:]
    if season not in ("VT", "HT") or len(year) != 4 or not year.isascii() or not year.isdigit():
        return None
    return spring_term(int(year)) if season == "VT" else autumn_term(int(year))


def spring_term(year: int) -> TermOpened:
    name = LocalText(sv=f"Vårterminen {year}", en=f"Spring term {year}")
    return _term(f"VT{year}", name, year, SPRING_WEEKS)


def autumn_term(year: int) -> TermOpened:
    name = LocalText(sv=f"Höstterminen {year}", en=f"Autumn term {year}")
    return _term(f"HT{year}", name, year, AUTUMN_WEEKS)


def _term(term_id: str, name: LocalText, year: int, weeks: tuple[int, int]) -> TermOpened:
    return TermOpened(
        term_id=term_id,
        name=name,
        starts_on=date.fromisocalendar(year, weeks[0], MONDAY),
        ends_on=date.fromisocalendar(year, weeks[1], FRIDAY),
        apply_from=None,
        apply_until=None,
    )


def lessons_between(term: TermOpened, weekday: int) -> tuple[date, date]:
    """The first and the last such weekday (ISO, Monday is 1) inside the term."""
    first = term.starts_on + timedelta(days=(weekday - term.starts_on.isoweekday()) % 7)
    last = term.ends_on - timedelta(days=(term.ends_on.isoweekday() - weekday) % 7)
    return first, last


def lessons_between_days(first: date, last: date) -> int:
    """How many weekly lessons there are, both days included."""
    return (last - first).days // 7 + 1

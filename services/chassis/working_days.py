"""Working days in Sweden: a time to answer ends on one."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import holidays

_SATURDAY = 5


def is_working_day(day: date) -> bool:
    """Neither Saturday, Sunday nor holiday, nor the eves of midsummer, Christmas and the new year.

    So the law counts when a time ends (lag 1930:173 om beräkning av lagstadgad tid, section 2).
    """
    return day.weekday() < _SATURDAY and day not in _free_days(day.year)


def working_day_from(day: date) -> date:
    """The day itself, or else the next working day."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


@lru_cache(maxsize=64)
def _free_days(year: int) -> frozenset[date]:
    # "De facto" holidays are the three eves; without `include_sundays` a Sunday is not repeated here.
    known = holidays.country_holidays("SE", years=year, categories=("public", "de_facto"))
    return frozenset(known)

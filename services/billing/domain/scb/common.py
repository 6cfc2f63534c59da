"""What the layouts share: regions, times, numbers, and how a cell is refused."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.billing.domain.populations import Figure
from services.chassis.refusals import N_, Refusal, Refused

MOST_BYTES = 1_000_000
MOST_FIGURES = 5_000
MOST_CELLS = 100_000

_REGION = re.compile(r"([0-9]{4}|[0-9]{2})(?:\s+\S.*)?")
_TIME = re.compile(r"([0-9]{4})(?:M([0-9]{2})|K([1-4]))?")
# Statistics Sweden writes two points where a figure is missing or may not be shown.
_MISSING = {"", "..", "...", ".", "-", "x"}


@dataclass(frozen=True, slots=True)
class Taken:
    """The figures of a file, the layout they came in, and regions that are no municipality (skipped)."""

    figures: tuple[Figure, ...]
    layout: str
    skipped_regions: tuple[str, ...] = ()


def refused(name: str, reason: str, **facts: Any) -> Refused:
    return Refused(Refusal(name, reason, facts, rule="scb-px-web", status=422))


def municipality_of(text: str, where: str) -> str | None:
    """The code of `1980` or `1980 Västerås`; None for a county's or the country's two digits."""
    region = _REGION.fullmatch(text.strip())
    if region is None:
        raise refused(
            "scb_region_unknown",
            N_(
                "%(where)s: %(text)s does not begin with the code of a municipality, a county or the country."
            ),
            where=where,
            text=text[:60],
        )
    return region[1] if len(region[1]) == 4 else None


def reference_date(text: str, where: str) -> date:
    """The last day of a year, month or quarter as PX-Web names it: 2024, 2024M11, 2024K3."""
    time = _TIME.fullmatch(text.strip())
    try:
        if time is None:
            raise ValueError
        year = int(time[1])
        month = int(time[2]) if time[2] else int(time[3]) * 3 if time[3] else 12
        return date(year, month, monthrange(year, month)[1])
    except ValueError as error:
        raise refused(
            "scb_time_unknown",
            N_("%(where)s: %(text)s is neither a year, a month as 2024M11, nor a quarter as 2024K3."),
            where=where,
            text=text[:60],
        ) from error


def is_time(text: str) -> bool:
    return _TIME.fullmatch(text.strip()) is not None


def whole_number(text: str, where: str) -> int:
    """People in a cell. A decimal or a missing figure is refused: neither is a count."""
    compact = "".join(text.split())
    if compact.lower() in _MISSING:
        raise missing(where)
    if re.fullmatch(r"-?[0-9]{1,12}", compact) is None:
        raise not_whole(where, text)
    return int(compact)


def missing(where: str) -> Refused:
    return refused(
        "scb_value_missing",
        N_("%(where)s has no figure. Leave that date or municipality out, or wait until it is published."),
        where=where,
    )


def not_whole(where: str, text: str) -> Refused:
    return refused(
        "scb_value_not_whole",
        N_("%(where)s: %(text)s is not a whole number of people."),
        where=where,
        text=text[:60],
    )

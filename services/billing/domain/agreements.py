"""What a version of the agreement says beyond the region's percent: who shares, when, how it is rounded.

An agreement without `Terms` is one from before they were kept: its years can be shared and not invoiced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from services.chassis.municipality import is_municipality_code
from services.chassis.refusals import N_, Refusal

INSTALMENT_COUNTS = (1, 2, 4, 12)  # yearly, half-yearly, quarterly, monthly
FIXED, LATEST = "fixed_date", "latest_published"
ORE, KRONA = "ore", "krona"
BY_PERIOD, BY_DAY = "period", "day"
# How many days after the due date a first and a second reminder go out, where the agreement does not say.
REMINDER_DAYS = (10, 30)


@dataclass(frozen=True, slots=True)
class DayOfYear:
    month: int
    day: int

    def in_year(self, year: int) -> date:
        return date(year, self.month, self.day)

    @property
    def comes_every_year(self) -> bool:
        """29 February does not."""
        try:
            self.in_year(2023)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PopulationRule:
    """Which population counts for a year.

    `fixed_date`: the one of that day, `years_before` the year. `latest_published`: of all reference dates
    the newest one that every member's figure had been published for on that day, `years_before` the year.
    """

    kind: str
    day: DayOfYear
    years_before: int

    def day_for(self, year: int) -> date:
        return self.day.in_year(year - self.years_before)


@dataclass(frozen=True, slots=True)
class Membership:
    """A member between two days, both included; None is open."""

    code: str
    name: str
    joined_on: date
    left_on: date | None

    def covers(self, day: date) -> bool:
        return self.joined_on <= day and (self.left_on is None or day <= self.left_on)

    def touches(self, first: date, last: date) -> bool:
        return self.joined_on <= last and (self.left_on is None or self.left_on >= first)


@dataclass(frozen=True, slots=True)
class Price:
    """What the home municipality pays the host a place and term, where the agreement has a price list."""

    kind: str
    price_ore: int


@dataclass(frozen=True, slots=True)
class Period:
    """The part of a year that an instalment pays for; `number` counts from 1."""

    number: int
    first: date
    last: date
    due_on: date


@dataclass(frozen=True, slots=True)
class Terms:
    """`members` None: those whom the register of municipalities names as members."""

    population: PopulationRule
    due_days: tuple[DayOfYear, ...]  # one an instalment, in order
    rounding: str
    change: str
    payment_days: int
    netting: bool
    prices: tuple[Price, ...] = ()
    members: tuple[Membership, ...] | None = None
    reminder_days: tuple[int, ...] = REMINDER_DAYS

    def periods(self, year: int) -> tuple[Period, ...]:
        count = len(self.due_days)
        months = 12 // count
        firsts = [date(year, 1 + months * n, 1) for n in range(count)] + [date(year + 1, 1, 1)]
        return tuple(
            Period(n, first, after - timedelta(days=1), self.due_days[n - 1].in_year(year))
            for n, (first, after) in enumerate(pairwise(firsts), start=1)
        )


def refusal_for_terms(terms: Terms) -> Refusal | None:
    """The first thing in the terms that cannot be kept, in words."""
    return _refusal_for_days(terms) or _refusal_for_choices(terms) or refusal_for_members(terms.members or ())


def _refusal_for_days(terms: Terms) -> Refusal | None:
    for day in (terms.population.day, *terms.due_days):
        if not day.comes_every_year:
            return Refusal(
                "day_not_every_year",
                N_("Day %(day)s of month %(month)s does not come every year. Choose another day."),
                {"day": day.day, "month": day.month},
                status=422,
            )
    if len(terms.due_days) not in INSTALMENT_COUNTS:
        return Refusal(
            "instalments_impossible",
            N_("A year is paid in 1, 2, 4 or 12 instalments, each with its due date, not in %(count)s."),
            {"count": len(terms.due_days)},
            status=422,
        )
    days = [(day.month, day.day) for day in terms.due_days]
    if any(later <= earlier for earlier, later in pairwise(days)):
        return Refusal(
            "due_dates_out_of_order",
            N_("Each instalment must fall due after the one before it."),
            status=422,
        )
    return None


def _refusal_for_choices(terms: Terms) -> Refusal | None:
    allowed: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("population", terms.population.kind, (FIXED, LATEST)),
        ("rounding", terms.rounding, (ORE, KRONA)),
        ("change", terms.change, (BY_PERIOD, BY_DAY)),
    )
    for name, given, choices in allowed:
        if given not in choices:
            return Refusal(
                "term_unknown",
                N_("The agreement's %(name)s must be one of %(choices)s."),
                {"name": name, "choices": ", ".join(choices)},
                status=422,
            )
    if not 0 <= terms.population.years_before <= 5 or not 0 <= terms.payment_days <= 90:
        return Refusal(
            "term_out_of_range",
            N_("Years before must be 0 to 5 and days of payment 0 to 90."),
            status=422,
        )
    days = terms.reminder_days
    if len(days) > 5 or any(not 0 < day <= 365 for day in days) or any(b <= a for a, b in pairwise(days)):
        return Refusal(
            "reminder_days_impossible",
            N_("Reminders are at most 5, each 1 to 365 days after the due date, in ascending order."),
            status=422,
        )
    return _refusal_for_prices(terms.prices)


def _refusal_for_prices(prices: Sequence[Price]) -> Refusal | None:
    kinds = [price.kind for price in prices]
    if len(set(kinds)) < len(kinds) or any(price.price_ore < 0 for price in prices):
        return Refusal(
            "price_list_impossible",
            N_("A price list names each kind of place once, with a price of at least 0 kr."),
            status=422,
        )
    return None


def refusal_for_members(members: Iterable[Membership]) -> Refusal | None:
    """Why a list of members cannot be: a code that is none, an end before its beginning, an overlap."""
    by_code: dict[str, list[Membership]] = {}
    for member in members:
        facts = {"municipality": member.name or member.code}
        if not is_municipality_code(member.code):
            return Refusal(
                "member_code_invalid",
                N_("%(municipality)s: a municipality code is four digits."),
                facts,
                status=422,
            )
        if member.left_on is not None and member.left_on < member.joined_on:
            return Refusal(
                "member_left_before_joining",
                N_("%(municipality)s cannot leave before it has joined."),
                facts,
                status=422,
            )
        by_code.setdefault(member.code, []).append(member)
    for spans in by_code.values():
        ordered = sorted(spans, key=lambda span: span.joined_on)
        for earlier, later in pairwise(ordered):
            if earlier.left_on is None or earlier.left_on >= later.joined_on:
                return Refusal(
                    "memberships_overlap",
                    N_("%(municipality)s is a member twice over on %(day)s. Let the first membership end."),
                    {"municipality": later.name or later.code, "day": later.joined_on},
                    status=422,
                )
    return None


def members_in_year(members: Iterable[Membership], year: int) -> tuple[Membership, ...]:
    """Those who are members on some day of the year, by code and date."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    within = [member for member in members if member.touches(first, last)]
    return tuple(sorted(within, key=lambda member: (member.code, member.joined_on)))


def terms_document(terms: Terms) -> dict[str, Any]:
    """The terms as JSON values; `terms_from` reads them back."""
    rule = terms.population
    document = {
        "population": {
            "kind": rule.kind,
            "month": rule.day.month,
            "day": rule.day.day,
            "years_before": rule.years_before,
        },
        "due_days": [[day.month, day.day] for day in terms.due_days],
        "rounding": terms.rounding,
        "change": terms.change,
        "payment_days": terms.payment_days,
        "netting": terms.netting,
        "prices": [{"kind": price.kind, "price_ore": price.price_ore} for price in terms.prices],
        "members": None if terms.members is None else [member_document(m) for m in terms.members],
    }
    # Runs from before agreements spoke of reminders keep their bytes.
    if terms.reminder_days != REMINDER_DAYS:
        document["reminder_days"] = list(terms.reminder_days)
    return document


def member_document(member: Membership) -> dict[str, Any]:
    return {
        "code": member.code,
        "name": member.name,
        "joined_on": member.joined_on.isoformat(),
        "left_on": member.left_on.isoformat() if member.left_on else None,
    }


def terms_from(document: Mapping[str, Any]) -> Terms:
    rule, members = document["population"], document["members"]
    return Terms(
        PopulationRule(rule["kind"], DayOfYear(rule["month"], rule["day"]), rule["years_before"]),
        tuple(DayOfYear(month, day) for month, day in document["due_days"]),
        document["rounding"],
        document["change"],
        document["payment_days"],
        document["netting"],
        tuple(Price(price["kind"], price["price_ore"]) for price in document["prices"]),
        None if members is None else tuple(member_from(each) for each in members),
        tuple(document.get("reminder_days", REMINDER_DAYS)),
    )


def member_from(document: Mapping[str, Any]) -> Membership:
    left_on = document["left_on"]
    return Membership(
        document["code"],
        document["name"],
        date.fromisoformat(document["joined_on"]),
        date.fromisoformat(left_on) if left_on else None,
    )


def as_text(document: Any) -> str:
    """JSON that is the same bytes for the same values on every machine."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

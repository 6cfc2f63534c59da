"""The frozen basis of a run: everything its shares follow from, so that they can be derived again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date

from services.billing.domain.shares import Part, Shares, compute_shares
from services.chassis.refusals import N_, Refusal
from services.contracts.fact import LocalText

FIRST_YEAR = 2000
MOST_YEARS_AHEAD = 5


@dataclass(frozen=True, slots=True)
class Agreement:
    """A version of the cooperation's agreement. Both dates are included; None is open."""

    version: int
    valid_from: date
    valid_to: date | None
    region_code: str
    region_name: str
    region_percent: int
    text: LocalText
    source: str

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Member:
    """A member with the population figure the run used; `vintage` counts the figures of a date from 1."""

    code: str
    name: str
    population: int
    vintage: int
    source: str


@dataclass(frozen=True, slots=True)
class Basis:
    """Members are those of the year's first day, in the order of their codes."""

    year: int
    budget_ore: int
    population_date: date
    agreement: Agreement
    members: tuple[Member, ...]

    @property
    def decides(self) -> tuple[object, ...]:
        """What the shares follow from. Two bases that agree in it are the same, whatever their wording."""
        agreement = self.agreement
        figures = tuple((member.code, member.population) for member in self.members)
        terms = (agreement.version, agreement.region_code, agreement.region_percent)
        return (self.year, self.budget_ore, self.population_date, terms, figures)

    def shares(self) -> Shares:
        """Raises Refused; see compute_shares."""
        return compute_shares(
            self.budget_ore,
            self.agreement.region_code,
            self.agreement.region_percent,
            {member.code: member.population for member in self.members},
            {member.code: member.name for member in self.members},
        )


def members_on(year: int) -> date:
    """Who is a member on this day shares the year's cost."""
    return date(year, 1, 1)


def refusal_for_year(year: int, population_date: date, today: date) -> Refusal | None:
    """Why a year cannot be opened at all, whatever its budget."""
    last = today.year + MOST_YEARS_AHEAD
    if not FIRST_YEAR <= year <= last:
        return Refusal(
            "year_unknown",
            N_("A year must be from %(first)s to %(last)s."),
            {"first": FIRST_YEAR, "last": last},
            status=422,
        )
    if population_date > today:
        return Refusal(
            "population_date_in_future",
            N_("The population date %(day)s has not come yet. Choose a date with known figures."),
            {"day": population_date},
            status=422,
        )
    return None


def document(basis: Basis, shares: Shares) -> str:
    """The run as one text: the same basis gives the same bytes on every machine, today and years later."""
    whole = {
        "year": basis.year,
        "budget_ore": basis.budget_ore,
        "population_date": basis.population_date.isoformat(),
        "agreement": {
            "version": basis.agreement.version,
            "region_code": basis.agreement.region_code,
            "region_percent": basis.agreement.region_percent,
        },
        "members": [
            {
                "code": m.code,
                "name": m.name,
                "population": m.population,
                "vintage": m.vintage,
                "source": m.source,
            }
            for m in basis.members
        ],
        "halves": [_step(part) for part in shares.halves.parts],
        "shares": [_step(part) for part in shares.members.parts],
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _step(part: Part) -> dict[str, object]:
    return {
        "payer": part.payer_code,
        "weight": part.weight,
        "exact_ore": f"{part.exact_ore.numerator}/{part.exact_ore.denominator}",
        "rounded_down_ore": part.rounded_down_ore,
        "extra_ore": part.extra_ore,
        "share_ore": part.share_ore,
    }


def digest(basis: Basis, shares: Shares) -> str:
    """SHA-256 of `document`, hexadecimal: kept with the run, compared by `samklang check`."""
    return hashlib.sha256(document(basis, shares).encode()).hexdigest()

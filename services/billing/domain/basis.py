"""The frozen basis of a run: everything its shares follow from, so that they can be derived again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.billing.domain import instalments as plans
from services.billing.domain.agreements import Membership, Terms, as_text, member_document, terms_document
from services.billing.domain.instalments import Instalment, Segment
from services.billing.domain.shares import Part, SegmentShares, Shares, compute_shares, together
from services.chassis.refusals import N_, Refusal, Refused
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
    terms: Terms | None = None

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
    """Members in the order of their codes: those of the year's first day, or where the agreement has terms
    everybody who pays for a part of the year, with the `memberships` that say which part.
    """

    year: int
    budget_ore: int
    population_date: date
    agreement: Agreement
    members: tuple[Member, ...]
    memberships: tuple[Membership, ...] = ()
    budget_version: int | None = None  # None: only the sum was given

    @property
    def decides(self) -> tuple[object, ...]:
        """What the shares follow from. Two bases that agree in it are the same, whatever their wording."""
        agreement = self.agreement
        figures = tuple((member.code, member.population) for member in self.members)
        terms = (agreement.version, agreement.region_code, agreement.region_percent, agreement.terms)
        spans = tuple((span.code, span.joined_on, span.left_on) for span in self.memberships)
        return (self.year, self.budget_ore, self.budget_version, self.population_date, terms, figures, spans)

    @property
    def populations(self) -> dict[str, int]:
        return {member.code: member.population for member in self.members}

    def shares(self) -> Shares:
        """Raises Refused; see compute_shares and instalments.segments."""
        whole = compute_shares(
            self.budget_ore,
            self.agreement.region_code,
            self.agreement.region_percent,
            self.populations,
            {member.code: member.name for member in self.members},
        )
        cut = self._segments(whole.members.total_ore)
        if len(cut) < 2:
            return whole
        parts = [SegmentShares(each.first, each.last, each.shared(self.populations)) for each in cut]
        return together(whole, parts, self.populations)

    def _segments(self, members_ore: int) -> tuple[Segment, ...]:
        terms = self.agreement.terms
        return () if terms is None else plans.segments(self.year, members_ore, terms, self.memberships)

    def instalments(self) -> tuple[Instalment, ...]:
        """What falls due when, by payer; every payer's instalments sum to its share. Raises Refused."""
        terms = self.agreement.terms
        if terms is None:
            raise Refused(
                Refusal(
                    "instalments_not_agreed",
                    N_("Version %(version)s of the agreement does not say when the shares are paid."),
                    {"version": self.agreement.version},
                )
            )
        shares = self.shares()
        region = (self.agreement.region_code, shares.region_ore)
        cut = self._segments(shares.members.total_ore)
        return plans.plan(self.year, region, terms, cut, self.populations)


def paying_members(year: int, terms: Terms, memberships: tuple[Membership, ...]) -> tuple[str, ...]:
    """Codes of those who pay for some part of the year. Raises Refused; see instalments.segments."""
    cut = plans.segments(year, 0, terms, memberships)
    return tuple(sorted({code for segment in cut for code in segment.members}))


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
    whole: dict[str, Any] = {
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
    # A run from before agreements had terms has none of these: its bytes stay what they were.
    if basis.agreement.terms is not None:
        whole |= _terms_part(basis, basis.agreement.terms, shares)
    return as_text(whole)


def _terms_part(basis: Basis, terms: Terms, shares: Shares) -> dict[str, Any]:
    return {
        "terms": terms_document(terms),
        "budget_version": basis.budget_version,
        "memberships": [member_document(span) for span in basis.memberships],
        "segments": [
            {
                "first": each.first.isoformat(),
                "last": each.last.isoformat(),
                "shares": [_step(part) for part in each.split.parts],
            }
            for each in shares.segments
        ],
        "instalments": [
            {
                "number": each.period.number,
                "due_on": each.period.due_on.isoformat(),
                "amounts_ore": dict(each.amounts_ore),
            }
            for each in basis.instalments()
        ],
    }


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

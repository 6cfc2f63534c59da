"""A budget split over the region and the member municipalities, with every step that led to each share.

The rule is the cooperation's agreement: the region pays its percent of the budget, the members the rest in
proportion to their populations. Both splits are by largest remainder (services/chassis/money.py), so the
parts always sum exactly: what rounding down leaves goes one öre each to the largest remainders, ties to the
lowest code. Where the budget itself does not divide evenly the odd öre is the region's, by the same rule:
its code is lower than the name under which the members stand together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from services.chassis.money import split_by_largest_remainder
from services.chassis.refusals import N_, Refusal, Refused

MEMBERS = "members"  # the municipalities together; sorts after every code, which is digits
MOST_BUDGET_ORE = 10**13  # a hundred thousand million kronor: more is a slip of the hand


@dataclass(frozen=True, slots=True)
class Part:
    """One payer's part. `exact_ore` is the share before it became whole öre, `weight` what it follows."""

    payer_code: str
    weight: int
    exact_ore: Fraction
    share_ore: int

    @property
    def rounded_down_ore(self) -> int:
        return self.exact_ore.numerator // self.exact_ore.denominator

    @property
    def remainder_ore(self) -> Fraction:
        """What rounding down cut off: at least 0, below 1."""
        return self.exact_ore - self.rounded_down_ore

    @property
    def extra_ore(self) -> int:
        """1 where the remainder was among the largest, else 0."""
        return self.share_ore - self.rounded_down_ore


@dataclass(frozen=True, slots=True)
class Split:
    """A sum and its parts in the order of their codes; the parts sum exactly to `total_ore`."""

    total_ore: int
    total_weight: int
    parts: tuple[Part, ...]

    @property
    def left_ore(self) -> int:
        """Whole öre that rounding every part down leaves; fewer than there are parts."""
        return self.total_ore - sum(part.rounded_down_ore for part in self.parts)


@dataclass(frozen=True, slots=True)
class SegmentShares:
    """Days in a row with the same members, and how they share what those days cost."""

    first: date
    last: date
    split: Split


@dataclass(frozen=True, slots=True)
class Shares:
    """`halves` splits the budget over the region and the members together, `members` the latter's part.

    `segments` is there where members came or left within the year: each is a split of its own, and
    `members` is their sum.
    """

    budget_ore: int
    region_code: str
    region_percent: int
    halves: Split
    members: Split
    segments: tuple[SegmentShares, ...] = ()

    @property
    def region_ore(self) -> int:
        return next(part.share_ore for part in self.halves.parts if part.payer_code == self.region_code)

    @property
    def by_payer(self) -> dict[str, int]:
        """Öre by code: the region first, then the members in the order of their codes."""
        members = {part.payer_code: part.share_ore for part in self.members.parts}
        return {self.region_code: self.region_ore, **members}


def compute_shares(
    budget_ore: int,
    region_code: str,
    region_percent: int,
    populations: Mapping[str, int | None],
    names: Mapping[str, str] | None = None,
) -> Shares:
    """The shares of a budget in öre. `populations` has an entry a member, None where no figure is known.

    Raises Refused: budget_not_positive, budget_too_large, region_percent_impossible, no_members,
    population_missing, population_not_positive. `names` is for naming municipalities in a refusal.
    """
    refusal = _refusal_for_budget(budget_ore, region_percent) or _refusal_for_populations(
        populations, names or {}
    )
    if refusal is not None:
        raise Refused(refusal)
    weights = {code: population for code, population in populations.items() if population is not None}
    halves = halve(budget_ore, region_code, region_percent)
    members_ore = next(part.share_ore for part in halves.parts if part.payer_code == MEMBERS)
    return Shares(budget_ore, region_code, region_percent, halves, split(members_ore, weights))


def halve(budget_ore: int, region_code: str, region_percent: int) -> Split:
    """The budget over the region and the members together."""
    return split(budget_ore, {region_code: region_percent, MEMBERS: 100 - region_percent})


def together(whole: Shares, segments: Sequence[SegmentShares], populations: Mapping[str, int]) -> Shares:
    """The shares of a year in segments: each payer's parts added up. `whole` has the budget's halves."""
    exact: dict[str, Fraction] = {}
    shares_ore: dict[str, int] = {}
    for segment in segments:
        for part in segment.split.parts:
            exact[part.payer_code] = exact.get(part.payer_code, Fraction(0)) + part.exact_ore
            shares_ore[part.payer_code] = shares_ore.get(part.payer_code, 0) + part.share_ore
    parts = tuple(Part(code, populations[code], exact[code], shares_ore[code]) for code in sorted(exact))
    members = Split(whole.members.total_ore, sum(part.weight for part in parts), parts)
    return replace(whole, members=members, segments=tuple(segments))


def split(total_ore: int, weights: Mapping[str, int]) -> Split:
    """By largest remainder, with every step; see services/chassis/money.py."""
    shares_ore = split_by_largest_remainder(total_ore, weights)
    total = sum(weights.values())
    return Split(
        total_ore,
        total,
        tuple(
            Part(code, weights[code], Fraction(total_ore * weights[code], total), shares_ore[code])
            for code in sorted(weights)
        ),
    )


def _refusal_for_budget(budget_ore: int, region_percent: int) -> Refusal | None:
    if budget_ore <= 0:
        return Refusal("budget_not_positive", N_("A budget must be more than 0 kr."), status=422)
    if budget_ore > MOST_BUDGET_ORE:
        return Refusal(
            "budget_too_large",
            N_("That budget is larger than any cooperation's. Check the number of zeros."),
            status=422,
        )
    if not 0 <= region_percent <= 100:
        return Refusal(
            "region_percent_impossible",
            N_("The region's part must be from 0 to 100 percent, not %(percent)s."),
            {"percent": region_percent},
            status=422,
        )
    return None


def _refusal_for_populations(
    populations: Mapping[str, int | None], names: Mapping[str, str]
) -> Refusal | None:
    if not populations:
        return Refusal("no_members", N_("There are no member municipalities to share the cost."))
    missing = [names.get(code, code) for code in sorted(populations) if populations[code] is None]
    if missing:
        return Refusal(
            "population_missing",
            N_("There is no population figure for %(municipality)s. Record it under Populations first."),
            {"municipality": ", ".join(missing)},
        )
    wrong = [code for code in sorted(populations) if (populations[code] or 0) <= 0]
    if wrong:
        return Refusal(
            "population_not_positive",
            N_("The population of %(municipality)s must be a whole number above 0, not %(population)s."),
            {"municipality": names.get(wrong[0], wrong[0]), "population": populations[wrong[0]]},
            status=422,
        )
    return None

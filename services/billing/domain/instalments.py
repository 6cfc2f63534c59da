"""A year's shares spread over its instalments, and over members who came or left within it.

The members' part of the budget is first divided evenly over the year's periods, one an instalment. A period
is shared by those who were members on its first day (rule `period`) or, cut where membership changes, by
those who were members on each day (rule `day`). Consecutive stretches with the same members are one segment,
shared by population with the largest remainder: a year in which nobody comes or goes is one segment, and its
shares are those of shares.py to the öre.

Within a segment each instalment brings what a member has been asked for up to its share of what has fallen
due so far. So every instalment's parts sum exactly to the period's part, every member's instalments to its
share, and a later change of members leaves the instalments before it as they were, to the öre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.billing.domain.agreements import BY_DAY, KRONA, Membership, Period, Terms
from services.billing.domain.shares import Split, split
from services.chassis.money import ORE_PER_KRONA, split_by_largest_remainder
from services.chassis.refusals import N_, Refusal, Refused


@dataclass(frozen=True, slots=True)
class Segment:
    """Days in a row with the same members. `falls_due_ore` is its part by number of period."""

    first: date
    last: date
    falls_due_ore: Mapping[int, int]
    members: tuple[str, ...]

    @property
    def total_ore(self) -> int:
        return sum(self.falls_due_ore.values())

    def shared(self, populations: Mapping[str, int]) -> Split:
        return split(self.total_ore, {code: populations[code] for code in self.members})


@dataclass(frozen=True, slots=True)
class Instalment:
    """What falls due for a period, in öre by payer; a payer that owes nothing for it is not there."""

    period: Period
    amounts_ore: Mapping[str, int]

    @property
    def total_ore(self) -> int:
        return sum(self.amounts_ore.values())


def evenly(total_ore: int, periods: Sequence[Period]) -> dict[int, int]:
    """A sum over the year's periods; öre that do not divide go to the first ones."""
    parts = split_by_largest_remainder(total_ore, {f"{period.number:02d}": 1 for period in periods})
    return {int(number): ore for number, ore in parts.items()}


def segments(
    year: int, members_ore: int, terms: Terms, memberships: Sequence[Membership]
) -> tuple[Segment, ...]:
    """Raises Refused where there are days that nobody would pay for."""
    stretches: list[Segment] = []
    periods = terms.periods(year)
    falls_due = evenly(members_ore, periods)
    for period in periods:
        for stretch in _stretches(period, falls_due[period.number], terms.change, memberships):
            before = stretches[-1] if stretches else None
            if before is not None and before.members == stretch.members:
                stretches[-1] = _joined(before, stretch)
            else:
                stretches.append(stretch)
    nobody = next((stretch for stretch in stretches if not stretch.members), None)
    if nobody is not None:
        raise Refused(
            Refusal(
                "no_members",
                N_("Nobody is a member from %(first)s to %(last)s, so nobody would pay for those days."),
                {"first": nobody.first, "last": nobody.last},
            )
        )
    return tuple(stretches)


def _joined(before: Segment, after: Segment) -> Segment:
    due = dict(before.falls_due_ore)
    for number, ore in after.falls_due_ore.items():
        due[number] = due.get(number, 0) + ore
    return Segment(before.first, after.last, due, before.members)


def _stretches(
    period: Period, falls_due_ore: int, change: str, memberships: Sequence[Membership]
) -> list[Segment]:
    """A period cut where its members change; whole under the rule `period`."""
    firsts = [period.first]
    if change == BY_DAY:
        changes = {m.joined_on for m in memberships}
        changes |= {m.left_on + timedelta(days=1) for m in memberships if m.left_on is not None}
        firsts += sorted(day for day in changes if period.first < day <= period.last)
    lasts = [*(day - timedelta(days=1) for day in firsts[1:]), period.last]
    days = {first.isoformat(): (last - first).days + 1 for first, last in zip(firsts, lasts, strict=True)}
    parts = split_by_largest_remainder(falls_due_ore, days)
    return [
        Segment(
            first,
            last,
            {period.number: parts[first.isoformat()]},
            tuple(sorted(m.code for m in memberships if m.covers(first))),
        )
        for first, last in zip(firsts, lasts, strict=True)
    ]


def plan(
    year: int,
    region: tuple[str, int],
    terms: Terms,
    cut: Sequence[Segment],
    populations: Mapping[str, int],
) -> tuple[Instalment, ...]:
    """Every instalment of the year. `region` is the region's code and its part of the budget in öre."""
    periods = terms.periods(year)
    code, region_ore = region
    due: dict[str, dict[int, int]] = {code: evenly(region_ore, periods)}
    for segment in cut:
        for member, by_number in _segment_plan(segment, populations).items():
            row = due.setdefault(member, {})
            for number, ore in by_number.items():
                row[number] = row.get(number, 0) + ore
    if terms.rounding == KRONA:
        due = {payer: _whole_kronor(row) for payer, row in due.items()}
    return tuple(
        Instalment(
            period, {payer: row[period.number] for payer, row in sorted(due.items()) if period.number in row}
        )
        for period in periods
    )


def _segment_plan(segment: Segment, populations: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """Öre by member and number of period: what has fallen due, shared, less what was asked for before."""
    weights = {code: populations[code] for code in segment.members}
    asked = dict.fromkeys(weights, 0)
    rows: dict[str, dict[int, int]] = {code: {} for code in weights}
    fallen_due = 0
    for number, ore in sorted(segment.falls_due_ore.items()):
        fallen_due += ore
        shared = split_by_largest_remainder(fallen_due, weights)
        for code in weights:
            rows[code][number] = shared[code] - asked[code]
        asked = shared
    if any(ore < 0 for row in rows.values() for ore in row.values()):
        # Only where a member's instalment is below one öre: nothing worth dividing, so it is asked for once.
        last = max(segment.falls_due_ore)
        return {code: {n: asked[code] if n == last else 0 for n in row} for code, row in rows.items()}
    return rows


def _whole_kronor(row: Mapping[int, int]) -> dict[int, int]:
    """Whole kronor, rounded down, with the rest on the payer's last instalment."""
    last = max(row)
    whole = {number: ore - ore % ORE_PER_KRONA for number, ore in row.items() if number != last}
    return {**whole, last: sum(row.values()) - sum(whole.values())}

"""What home municipalities owe hosts for the places of a term, by the agreement's price list.

A place costs what the price list says of its kind; one whose pupil moved is split as it is counted, in
thousandths. What the homes owe a host for a kind of place sums to the places times the price, rounded down
to whole öre and divided by largest remainder. Where a home has set a ceiling for the year, what goes beyond
it is cut, from each host in proportion to what it would have got. A protected identity has no home here: its
place is counted, and nobody is asked to pay for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.billing.domain.agreements import Price, as_text
from services.billing.domain.places import WHOLE
from services.chassis.money import split_by_largest_remainder
from services.chassis.refusals import N_, Refusal
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class Part:
    """A place in another municipality, or the part of one: `thousandths` of it between two days."""

    application_id: str
    home: str
    host: str
    kind: str
    first_on: date
    last_on: date
    thousandths: int


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a home pays at most in the year; `used_ore` is what the year's other terms ask of it."""

    home: str
    version: int
    ceiling_ore: int
    used_ore: int
    decided_by: str

    @property
    def left_ore(self) -> int:
        return max(0, self.ceiling_ore - self.used_ore)


@dataclass(frozen=True, slots=True)
class Line:
    """Places of a kind that pupils of one home had with one host, and what they cost."""

    home: str
    host: str
    kind: str
    thousandths: int
    price_ore: int
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Cut:
    """What a home's ceiling takes from what a host would have got."""

    home: str
    host: str
    cut_ore: int


@dataclass(frozen=True, slots=True)
class Term:
    term_id: str
    name: LocalText
    starts_on: date
    ends_on: date

    @property
    def year(self) -> int:
        """The budget year that its compensation belongs to."""
        return self.starts_on.year


@dataclass(frozen=True, slots=True)
class Basis:
    """`not_shown` counts the term's places whose home is protected, at whichever host."""

    term: Term
    agreement_version: int
    prices: tuple[Price, ...]
    payment_days: int
    parts: tuple[Part, ...]
    ceilings: tuple[Ceiling, ...]
    not_shown: int


@dataclass(frozen=True, slots=True)
class Compensation:
    """The result: lines by home, host and kind, cuts by home and host; see `compute`."""

    lines: tuple[Line, ...]
    cuts: tuple[Cut, ...]

    def owed_ore(self) -> dict[str, dict[str, int]]:
        """By home and host, less what a ceiling cut; what is cut away whole is there with 0."""
        found: dict[str, dict[str, int]] = {}
        for line in self.lines:
            row = found.setdefault(line.home, {})
            row[line.host] = row.get(line.host, 0) + line.amount_ore
        for cut in self.cuts:
            found[cut.home][cut.host] -= cut.cut_ore
        return found

    def by_home_ore(self) -> dict[str, int]:
        return {home: sum(row.values()) for home, row in self.owed_ore().items()}

    def by_host_ore(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.owed_ore().values():
            for host, ore in row.items():
                found[host] = found.get(host, 0) + ore
        return found

    def cut_ore(self, home: str) -> int:
        return sum(cut.cut_ore for cut in self.cuts if cut.home == home)

    @property
    def total_ore(self) -> int:
        return sum(self.by_home_ore().values())


def compute(basis: Basis) -> Compensation:
    """Every part's kind has a price; see refusal_for."""
    prices = {price.kind: price.price_ore for price in basis.prices}
    taken: dict[tuple[str, str], dict[str, int]] = {}
    for part in basis.parts:
        homes = taken.setdefault((part.host, part.kind), {})
        homes[part.home] = homes.get(part.home, 0) + part.thousandths
    lines = [line for pair, homes in taken.items() for line in _lines(*pair, prices[pair[1]], homes)]
    lines.sort(key=lambda line: (line.home, line.host, line.kind))
    whole = Compensation(tuple(lines), ())
    owed = whole.owed_ore()
    cuts = [
        cut
        for ceiling in sorted(basis.ceilings, key=lambda each: each.home)
        for cut in _cuts(ceiling, owed.get(ceiling.home, {}))
    ]
    return Compensation(whole.lines, tuple(cuts))


def _lines(host: str, kind: str, price_ore: int, homes: Mapping[str, int]) -> list[Line]:
    total = sum(homes.values())
    if not total:
        return []
    amounts = split_by_largest_remainder(total * price_ore // WHOLE, homes)
    return [Line(home, host, kind, homes[home], price_ore, ore) for home, ore in amounts.items()]


def _cuts(ceiling: Ceiling, by_host_ore: Mapping[str, int]) -> list[Cut]:
    over = sum(by_host_ore.values()) - ceiling.left_ore
    if over <= 0:
        return []
    parts = split_by_largest_remainder(over, by_host_ore)
    return [Cut(ceiling.home, host, ore) for host, ore in sorted(parts.items()) if ore]


def refusal_for(basis: Basis, today: date) -> Refusal | None:
    """Why the term's compensation cannot be computed."""
    if today <= basis.term.ends_on:
        return Refusal(
            "term_not_over",
            N_("The term lasts until %(day)s, and places can change till then. Compute it when it is over."),
            {"day": basis.term.ends_on},
        )
    if not basis.prices:
        return Refusal(
            "price_list_missing",
            N_(
                "Version %(version)s of the agreement has no price list, so no place has a price. "
                "Record one first."
            ),
            {"version": basis.agreement_version},
        )
    if any(not part.kind for part in basis.parts):
        return Refusal(
            "course_not_known",
            N_(
                "Of some places it is not known what kind they are: the catalogue has not told of their "
                "courses yet."
            ),
        )
    missing = sorted({part.kind for part in basis.parts} - {price.kind for price in basis.prices})
    if missing:
        return Refusal(
            "price_missing",
            N_("The price list has no price for %(kinds)s. Record one, also where it is 0 kr."),
            {"kinds": ", ".join(missing)},
        )
    return None


def document(basis: Basis) -> str:
    """The run as one text: the same basis gives the same bytes on every machine, today and years later."""
    found = compute(basis)
    term = basis.term
    return as_text(
        {
            "term": [term.term_id, term.starts_on.isoformat(), term.ends_on.isoformat()],
            "agreement_version": basis.agreement_version,
            "payment_days": basis.payment_days,
            "prices": {price.kind: price.price_ore for price in basis.prices},
            "places": [
                [
                    *(part.application_id, part.home, part.host, part.kind),
                    *(part.first_on.isoformat(), part.last_on.isoformat(), part.thousandths),
                ]
                for part in basis.parts
            ],
            "ceilings": [[c.home, c.version, c.ceiling_ore, c.used_ore] for c in basis.ceilings],
            "not_shown": basis.not_shown,
            "lines": [
                [line.home, line.host, line.kind, line.thousandths, line.price_ore, line.amount_ore]
                for line in found.lines
            ],
            "cuts": [[cut.home, cut.host, cut.cut_ore] for cut in found.cuts],
        }
    )


def digest(basis: Basis) -> str:
    """SHA-256 of `document`, hexadecimal: kept with the run, compared by `samklang check`."""
    return hashlib.sha256(document(basis).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Asked:
    """An invoice of the term that is not credited: who is asked, and what for by host."""

    invoice_id: str
    number: str
    home: str
    hosts_ore: Mapping[str, int]

    @property
    def amount_ore(self) -> int:
        return sum(self.hosts_ore.values())


@dataclass(frozen=True, slots=True)
class Change:
    """What issuing a run does for a home: credit what was asked, ask anew, or both. Not neither."""

    home: str
    credit: Asked | None
    hosts_ore: Mapping[str, int]

    @property
    def amount_ore(self) -> int:
        return sum(self.hosts_ore.values())

    @property
    def delta_ore(self) -> int:
        return self.amount_ore - (self.credit.amount_ore if self.credit else 0)


def changes(found: Compensation, asked: Sequence[Asked]) -> tuple[Change, ...]:
    """What must be issued so that what is asked of each home is what the run gives, host by host."""
    now = {each.home: each for each in asked}
    wanted = {home: {host: ore for host, ore in row.items() if ore} for home, row in found.owed_ore().items()}
    return tuple(
        Change(home, now.get(home), wanted.get(home, {}))
        for home in sorted(now.keys() | wanted.keys())
        if wanted.get(home, {}) != (dict(now[home].hosts_ore) if home in now else {})
    )

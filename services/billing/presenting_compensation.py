"""Compensation as its page shows it: home by home, with the ceiling's cut as a line of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.billing.domain.compensation import Change, Compensation, Line
from services.billing.presenting import swedish_order
from services.billing.queries.compensation import Run
from services.billing.queries.invoices import Invoice


@dataclass(frozen=True, slots=True)
class Home:
    """What a home owes: its lines by host, the cut, and the sum; `before_ore` by the version before."""

    code: str
    name: str
    lines: tuple[Line, ...]
    cut_ore: int
    owed_ore: int
    before_ore: int

    @property
    def delta_ore(self) -> int:
        return self.owed_ore - self.before_ore


def homes(run: Run, before: Run | None, names: Mapping[str, str]) -> list[Home]:
    """By name; a home that only the version before asked for is there without lines."""
    owed = run.found.by_home_ore()
    earlier = before.found.by_home_ore() if before else {}
    return [
        Home(
            code,
            names.get(code, code),
            tuple(line for line in run.found.lines if line.home == code),
            run.found.cut_ore(code),
            owed.get(code, 0),
            earlier.get(code, 0),
        )
        for code in sorted(
            owed.keys() | earlier.keys(), key=lambda code: swedish_order(names.get(code, code))
        )
    ]


def hosts(found: Compensation, names: Mapping[str, str]) -> list[tuple[str, int]]:
    """(name, öre) of each host, the largest first."""
    rows = [(names.get(code, code), ore) for code, ore in found.by_host_ore().items()]
    return sorted(rows, key=lambda row: (-row[1], swedish_order(row[0])))


@dataclass(frozen=True, slots=True)
class Standing:
    """A home's papers of the term: invoiced less credited, paid, and what is open."""

    code: str
    name: str
    asked_ore: int
    paid_ore: int
    open_ore: int
    owed_ore: int

    @property
    def agrees(self) -> bool:
        return self.asked_ore == self.owed_ore


def standings(issued: Run | None, papers: Sequence[Invoice], names: Mapping[str, str]) -> list[Standing]:
    """Each home's papers beside what the newest issued run says; `issued` is None before there is one."""
    owed = issued.found.by_home_ore() if issued else {}
    codes = {each.payer_code for each in papers} | {code for code, ore in owed.items() if ore}

    def standing(code: str) -> Standing:
        own = [each for each in papers if each.payer_code == code]
        return Standing(
            code,
            names.get(code, code),
            sum(each.amount_ore for each in own),
            sum(each.settled_ore for each in own),
            sum(each.open_ore for each in own),
            owed.get(code, 0),
        )

    return [standing(code) for code in sorted(codes, key=lambda code: swedish_order(names.get(code, code)))]


@dataclass(frozen=True, slots=True)
class Totals:
    credited_ore: int
    asked_ore: int

    @property
    def delta_ore(self) -> int:
        return self.asked_ore - self.credited_ore


def totals(found: Sequence[Change]) -> Totals:
    return Totals(
        sum(each.credit.amount_ore for each in found if each.credit), sum(each.amount_ore for each in found)
    )

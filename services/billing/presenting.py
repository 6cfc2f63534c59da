"""Runs and figures as the pages show them: names, amounts and steps in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from services.billing.domain.places import WHOLE
from services.billing.domain.shares import MEMBERS
from services.billing.queries.basis import Run
from services.billing.queries.flow import Flow, TermFlow
from services.chassis.money import format_kronor

_SWEDISH_ORDER = str.maketrans({"å": "{1", "ä": "{2", "ö": "{3"})


def swedish_order(name: str) -> str:
    """A key that sorts names as Swedish does: Å, Ä and Ö come after Z."""
    return name.lower().translate(_SWEDISH_ORDER)


def decimals(value: Fraction, places: int, language: str, *, cut: bool = False) -> str:
    """A number with `places` decimals: rounded half up, or cut so that no remainder looks like a whole."""
    scaled = value * 10**places
    digits = int(scaled) if cut else int(scaled + Fraction(1, 2))
    whole, rest = divmod(digits, 10**places)
    grouped = f"{whole:,}" if language == "en" else f"{whole:,}".replace(",", "\N{NO-BREAK SPACE}")
    return f"{grouped}{'.' if language == 'en' else ','}{rest:0{places}d}"


@dataclass(frozen=True, slots=True)
class Line:
    """A member's line in the table of shares. `percent` is of the members' population."""

    code: str
    name: str
    population: int
    revised: bool
    percent: str
    share: str
    share_ore: int
    own: bool


def lines(run: Run, language: str, own: str) -> list[Line]:
    total = sum(member.population for member in run.basis.members)
    members = sorted(run.basis.members, key=lambda member: swedish_order(member.name))
    return [
        Line(
            member.code,
            member.name,
            member.population,
            member.vintage > 1,
            decimals(Fraction(member.population * 100, total), 2, language),
            format_kronor(run.shares_ore[member.code], language),
            run.shares_ore[member.code],
            member.code == own,
        )
        for member in members
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """A part's derivation; amounts in öre, the exact one cut off after four decimals."""

    name: str
    weight: int
    exact: str
    rounded_down: int
    remainder: str
    extra: int
    share: str
    own: bool


@dataclass(frozen=True, slots=True)
class Derivation:
    """The two splits, part by part. `extras` names those who got an odd öre, largest remainder first."""

    halves: list[Step]
    halves_left: int
    steps: list[Step]
    total_population: int
    members_ore: int
    rounded_sum_ore: int
    left: int
    extras: list[str]
    each_rounded_ore: int


def derivation(run: Run, names: Mapping[str, str], language: str, own: str) -> Derivation:
    """Every step from the frozen basis. `names` has a name for MEMBERS too."""
    shares = run.derived()

    def step(part: Any) -> Step:
        return Step(
            names.get(part.payer_code, part.payer_code),
            part.weight,
            decimals(part.exact_ore, 4, language, cut=True),
            part.rounded_down_ore,
            decimals(part.remainder_ore, 4, language, cut=True),
            part.extra_ore,
            format_kronor(part.share_ore, language),
            part.payer_code == own,
        )

    by_name = sorted(shares.members.parts, key=lambda part: swedish_order(names.get(part.payer_code, "")))
    lucky = sorted(
        (part for part in shares.members.parts if part.extra_ore),
        key=lambda part: (-part.remainder_ore, part.payer_code),
    )
    return Derivation(
        halves=[step(part) for part in shares.halves.parts],
        halves_left=shares.halves.left_ore,
        steps=[step(part) for part in by_name],
        total_population=shares.members.total_weight,
        members_ore=shares.members.total_ore,
        rounded_sum_ore=shares.members.total_ore - shares.members.left_ore,
        left=shares.members.left_ore,
        extras=[names.get(part.payer_code, part.payer_code) for part in lucky],
        each_rounded_ore=sum(int(part.exact_ore + Fraction(1, 2)) for part in shares.members.parts),
    )


@dataclass(frozen=True, slots=True)
class SegmentLine:
    first: date
    last: date
    ore: int
    people: int
    names: str


def segments(run: Run, names: Mapping[str, str]) -> list[SegmentLine]:
    """The parts of a year in which members came or left; empty where nobody did."""
    return [
        SegmentLine(
            each.first,
            each.last,
            each.split.total_ore,
            each.split.total_weight,
            ", ".join(sorted((names[p.payer_code] for p in each.split.parts), key=swedish_order)),
        )
        for each in run.derived().segments
    ]


def spans(run: Run) -> list[str]:
    """Members by name, with their days where they were not members all year."""
    first, last = date(run.basis.year, 1, 1), date(run.basis.year, 12, 31)
    partly: dict[str, list[str]] = {}
    for span in run.basis.memberships:
        if span.joined_on > first or (span.left_on is not None and span.left_on < last):
            days = f"{max(span.joined_on, first).isoformat()}–{min(span.left_on or last, last).isoformat()}"
            partly.setdefault(span.code, []).append(days)
    members = sorted(run.basis.members, key=lambda member: swedish_order(member.name))
    return [f"{m.name} ({', '.join(partly[m.code])})" if m.code in partly else m.name for m in members]


def names_of(run: Run, members_together: str) -> dict[str, str]:
    """Names as they were when the run was frozen."""
    agreement = run.basis.agreement
    names = {member.code: member.name for member in run.basis.members}
    return {**names, agreement.region_code: agreement.region_name, MEMBERS: members_together}


def who(by: str, names: Mapping[str, str]) -> str:
    """`finance:19:<id>:Anders Vestin` as `Anders Vestin, Region Västmanland`; a program's name as it is."""
    parts = by.split(":", 3)
    if len(parts) < 4:
        return by
    _role, municipality, _person, name = parts
    return f"{name}, {names.get(municipality, municipality)}"


def places_text(thousandths: int, language: str) -> str:
    """`12`, or with the decimals that a split place leaves: `12,4` in Swedish, `12.4` in English."""
    whole = decimals(Fraction(thousandths, WHOLE), 3, language)
    return whole.rstrip("0").rstrip(".,")


@dataclass(frozen=True, slots=True)
class FlowLine:
    """`share` is None for a municipality that paid nothing that year; `hosts` are (code, name, places)."""

    code: str
    hosts: tuple[tuple[str, str, str], ...]
    name: str
    share: str | None
    elsewhere: str
    at_home: str
    own: bool


def flow_lines(term: TermFlow, run: Run, names: Mapping[str, str], language: str, own: str) -> list[FlowLine]:
    """What each municipality paid beside what its children got; members without places too."""
    codes = {member.code for member in run.basis.members} | set(term.homes)

    def line(code: str) -> FlowLine:
        home = term.homes.get(code)
        hosts = sorted(
            (
                (host, names.get(host, host), count)
                for host, count in (home.by_host_thousandths if home else {}).items()
            ),
            key=lambda item: (-item[2], swedish_order(item[1])),
        )
        elsewhere = home.elsewhere_thousandths if home else 0
        paid = run.shares_ore.get(code)
        return FlowLine(
            code,
            tuple((host, name, places_text(count, language)) for host, name, count in hosts),
            names.get(code, code),
            None if paid is None else format_kronor(paid, language),
            places_text(elsewhere, language),
            places_text(home.at_home_thousandths if home else 0, language),
            code == own,
        )

    return sorted((line(code) for code in codes), key=lambda each: swedish_order(each.name))


def flow_terms(
    flow: Flow, run: Run, names: Mapping[str, str], language: str, own: str
) -> list[dict[str, Any]]:
    return [
        {
            "term_id": term.term_id,
            "name": term.name.in_language(language),
            "lines": flow_lines(term, run, names, language, own),
            "not_shown": term.not_shown,
            "split": term.split,
        }
        for term in flow.terms
    ]


@dataclass(frozen=True, slots=True)
class Cell:
    """The figure that counts, and those it replaced, the newest first."""

    population: int
    source: str
    earlier: tuple[tuple[int, str], ...]


def population_matrix(
    vintages: Sequence[Any], names: Mapping[str, str]
) -> tuple[list[date], list[tuple[str, str, list[Cell | None]]]]:
    """Dates, the newest first, and (code, name, a cell a date) for each municipality with a figure."""
    kept: dict[tuple[str, date], list[Any]] = {}
    for row in vintages:
        kept.setdefault((row.municipality_code, row.reference_date), []).append(row)
    dates = sorted({day for _, day in kept}, reverse=True)
    codes = sorted({code for code, _ in kept}, key=lambda code: swedish_order(names.get(code, code)))

    def cell(code: str, day: date) -> Cell | None:
        rows = kept.get((code, day))
        if rows is None:
            return None
        newest, *earlier = sorted(rows, key=lambda row: -row.vintage)
        return Cell(newest.population, newest.source, tuple((row.population, row.source) for row in earlier))

    return dates, [(code, names.get(code, code), [cell(code, day) for day in dates]) for code in codes]


def sources_by_date(vintages: Sequence[Any], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """For each date, the newest first: every source, with the municipalities where it is not for all."""
    found: dict[date, dict[str, set[str]]] = {}
    for row in vintages:
        found.setdefault(row.reference_date, {}).setdefault(row.source, set()).add(row.municipality_code)
    return [
        {"day": day, "sources": [_source(source, codes, sources, names) for source, codes in sources.items()]}
        for day, sources in sorted(found.items(), reverse=True)
    ]


def _source(source: str, codes: set[str], sources: Mapping[str, set[str]], names: Mapping[str, str]) -> str:
    if len(sources) == 1 or codes == set().union(*sources.values()):
        return source
    return f"{source} ({', '.join(sorted((names.get(code, code) for code in codes), key=swedish_order))})"

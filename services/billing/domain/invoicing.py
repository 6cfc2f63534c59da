"""What is asked of whom: drafts of invoices, their numbers and references, and corrections.

An issued invoice is never changed. Where its basis has changed since, it is credited whole and a replacement
is issued; both name what was and what is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.billing.domain.agreements import Period, as_text
from services.billing.domain.basis import Basis
from services.billing.domain.instalments import Instalment
from services.chassis.money import format_kronor
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice that could be issued. `text` says what it is for, with the population it follows."""

    payer_code: str
    payer_name: str
    period: Period
    due_on: date
    amount_ore: int
    text: LocalText


@dataclass(frozen=True, slots=True)
class Live:
    """An issued invoice that has not been credited."""

    invoice_id: str
    number: str
    run_id: str
    payer_code: str
    payer_name: str
    instalment: int
    amount_ore: int
    order_reference: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a correction does for a payer and instalment; either side may be missing, not both."""

    payer_code: str
    payer_name: str
    period: Period
    credit: Live | None
    draft: Draft | None

    @property
    def delta_ore(self) -> int:
        return (self.draft.amount_ore if self.draft else 0) - (self.credit.amount_ore if self.credit else 0)


def series_of(day: date) -> str:
    """Invoices and credit notes of a calendar year share one series of numbers."""
    return f"invoice:{day.year}"


def number_text(series: str, number: int) -> str:
    """`2026-0007`."""
    return f"{series.rpartition(':')[2]}-{number:04d}"


def names_of(basis: Basis) -> dict[str, str]:
    names = {member.code: member.name for member in basis.members}
    return {**names, basis.agreement.region_code: basis.agreement.region_name}


def drafts(basis: Basis, instalment: Instalment, issued_on: date) -> tuple[Draft, ...]:
    """An invoice a payer that owes anything for the instalment, due as agreed or after the agreed days."""
    terms = basis.agreement.terms
    payment_days = terms.payment_days if terms else 0
    due_on = max(instalment.period.due_on, issued_on + timedelta(days=payment_days))
    names = names_of(basis)
    return tuple(
        Draft(code, names[code], instalment.period, due_on, ore, _about(basis, instalment.period, code))
        for code, ore in instalment.amounts_ore.items()
        if ore
    )


def _about(basis: Basis, period: Period, payer_code: str) -> LocalText:
    count = len(basis.agreement.terms.due_days) if basis.agreement.terms else 1
    days = f"{period.first.isoformat()}–{period.last.isoformat()}"
    sv = f"Kostnadsandel {basis.year}, rat {period.number} av {count}, {days}. "
    en = f"Cost share {basis.year}, instalment {period.number} of {count}, {days}. "
    if payer_code == basis.agreement.region_code:
        percent = basis.agreement.region_percent
        return LocalText(
            f"{sv}{percent} procent av budgeten enligt avtalet, version {basis.agreement.version}.",
            f"{en}{percent} percent of the budget by the agreement, version {basis.agreement.version}.",
        )
    member = next(each for each in basis.members if each.code == payer_code)
    day = basis.population_date.isoformat()
    return LocalText(
        f"{sv}Efter folkmängd {member.population} den {day} (uppgift {member.vintage}), "
        f"avtalet version {basis.agreement.version}.",
        f"{en}By population {member.population} on {day} (vintage {member.vintage}), "
        f"agreement version {basis.agreement.version}.",
    )


def changes(
    basis: Basis, instalments: Sequence[Instalment], issued: set[int], live: Iterable[Live], today: date
) -> tuple[Change, ...]:
    """What must be credited and issued anew so that the issued instalments are what the basis gives."""
    now = {(each.payer_code, each.instalment): each for each in live}
    names = names_of(basis)
    found = []
    for instalment in instalments:
        if instalment.period.number not in issued:
            continue
        wanted = {draft.payer_code: draft for draft in drafts(basis, instalment, today)}
        number = instalment.period.number
        for code in sorted(wanted.keys() | {payer for payer, n in now if n == number}):
            credit, draft = now.get((code, number)), wanted.get(code)
            if (credit.amount_ore if credit else 0) != (draft.amount_ore if draft else 0):
                name = draft.payer_name if draft else names.get(code, credit.payer_name if credit else code)
                found.append(Change(code, name, instalment.period, credit, draft))
    return tuple(found)


def fingerprint(run_id: str, found: Sequence[Change]) -> str:
    """What was previewed, in 64 letters: only that is issued."""
    seen = [
        [
            each.payer_code,
            each.period.number,
            each.credit.invoice_id if each.credit else None,
            each.draft.amount_ore if each.draft else 0,
        ]
        for each in found
    ]
    return hashlib.sha256(as_text([run_id, seen]).encode()).hexdigest()


def reasons(before: Basis, after: Basis) -> tuple[LocalText, ...]:
    """What differs between two bases of a year, each with what was and what is."""
    return (
        *_budget_change(before, after),
        *_population_changes(before, after),
        *_other_changes(before, after),
    )


def _budget_change(before: Basis, after: Basis) -> Iterable[LocalText]:
    if before.budget_ore != after.budget_ore:
        amounts = [
            [format_kronor(each.budget_ore, word) for word in ("sv", "en")] for each in (before, after)
        ]
        (was_sv, was_en), (now_sv, now_en) = amounts
        yield LocalText(
            f"Budgeten var {was_sv} kr och är {now_sv} kr.", f"The budget was SEK {was_en} and is {now_en}."
        )


def _population_changes(before: Basis, after: Basis) -> Iterable[LocalText]:
    known = {member.code: member for member in before.members}
    for member in after.members:
        was = known.get(member.code)
        if was is None or was.population == member.population:
            continue
        days = (before.population_date.isoformat(), after.population_date.isoformat())
        yield LocalText(
            f"{member.name}: folkmängden var {was.population} (den {days[0]}, uppgift {was.vintage}) "
            f"och är {member.population} (den {days[1]}, uppgift {member.vintage}).",
            f"{member.name}: the population was {was.population} (on {days[0]}, vintage {was.vintage}) "
            f"and is {member.population} (on {days[1]}, vintage {member.vintage}).",
        )


def _other_changes(before: Basis, after: Basis) -> Iterable[LocalText]:
    spans = {(span.code, span.joined_on): span for span in before.memberships}
    for span in after.memberships:
        was = spans.pop((span.code, span.joined_on), None)
        if was is None:
            day = span.joined_on.isoformat()
            yield LocalText(f"{span.name} är med från {day}.", f"{span.name} is a member from {day}.")
        elif was.left_on != span.left_on:
            last = span.left_on.isoformat() if span.left_on else None
            yield LocalText(
                f"{span.name} är med till och med {last}." if last else f"{span.name} stannar kvar.",
                f"{span.name} is a member until {last}." if last else f"{span.name} stays.",
            )
    for gone in spans.values():
        yield LocalText(f"{gone.name} är inte med.", f"{gone.name} is not a member.")
    versions = (before.agreement.version, after.agreement.version)
    if versions[0] != versions[1]:
        yield LocalText(
            f"Avtalet var version {versions[0]} och är version {versions[1]}.",
            f"The agreement was version {versions[0]} and is version {versions[1]}.",
        )


def total_deltas(
    after: Mapping[str, int], invoiced: Mapping[str, int], still_to_come: Mapping[str, int]
) -> dict[str, int]:
    """By payer: its share now, less what was invoiced and still to come; sums to the budget's change."""
    payers = sorted(after.keys() | invoiced.keys() | still_to_come.keys())
    return {p: after.get(p, 0) - invoiced.get(p, 0) - still_to_come.get(p, 0) for p in payers}

"""What invoices and credit notes for places say, in both languages: they are kept as they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.billing.domain.compensation import Asked, Change
from services.billing.domain.compensation import Line as Taken
from services.billing.presenting import places_text
from services.billing.queries.compensation import Run
from services.billing.queries.invoices import Line
from services.chassis.money import format_kronor
from services.contracts.fact import LocalText


def invoice_lines(run: Run, change: Change, names: Mapping[str, str], reason: str) -> tuple[Line, ...]:
    """A line a host and kind of place, the ceiling's cut as a line of its own, and what it all follows."""
    found = [
        Line(_places(run, each, names), each.amount_ore)
        for each in run.found.lines
        if each.home == change.home and each.amount_ore
    ]
    cut_ore = run.found.cut_ore(change.home)
    if cut_ore:
        found.append(Line(_ceiling(run, change.home), -cut_ore))
    more = [_about(run)]
    if change.credit is not None:
        number = change.credit.number
        more.append(LocalText(f"Ersätter faktura {number}.", f"Replaces invoice {number}."))
        more.append(LocalText(reason, reason))
    return (*found, *(Line(text, 0) for text in more))


def _places(run: Run, line: Taken, names: Mapping[str, str]) -> LocalText:
    name, term = names.get(line.host, line.host), run.basis.term.name
    sv, en = (format_kronor(line.price_ore, language) for language in ("sv", "en"))
    many_sv, many_en = (places_text(line.thousandths, language) for language in ("sv", "en"))
    return LocalText(
        f"{name}, {term.sv}: {many_sv} platser ({line.kind}) à {sv} kr.",
        f"{name}, {term.en}: {many_en} places ({line.kind}) at SEK {en}.",
    )


def _ceiling(run: Run, home: str) -> LocalText:
    ceiling = next(each for each in run.basis.ceilings if each.home == home)
    year = run.basis.term.year
    sv, en = (format_kronor(ceiling.ceiling_ore, language) for language in ("sv", "en"))
    used_sv, used_en = (format_kronor(ceiling.used_ore, language) for language in ("sv", "en"))
    return LocalText(
        f"Över taket {year}, {sv} kr (version {ceiling.version}, {ceiling.decided_by}; årets andra "
        f"terminer: {used_sv} kr).",
        f"Above the ceiling of {year}, SEK {en} (version {ceiling.version}, {ceiling.decided_by}; other "
        f"terms of the year: SEK {used_en}).",
    )


def _about(run: Run) -> LocalText:
    version, agreement = run.version, run.basis.agreement_version
    return LocalText(
        f"Ersättning för platser, version {version}, efter prislistan i avtalet version {agreement}. "
        "En plats vars elev har flyttat räknas efter dagar.",
        f"Compensation for places, version {version}, by the price list of agreement version {agreement}. "
        "A place whose pupil moved counts by days.",
    )


def credit_lines(credited: Asked, reason: str) -> tuple[Line, ...]:
    number = credited.number
    about = LocalText(f"Krediterar faktura {number} i sin helhet.", f"Credits invoice {number} in full.")
    texts: Sequence[LocalText] = [about, LocalText(reason, reason)]
    return tuple(Line(text, 0 if line else -credited.amount_ore) for line, text in enumerate(texts))

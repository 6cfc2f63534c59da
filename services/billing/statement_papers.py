"""A year statement as PDF for people, and as rows for a spreadsheet: the same figures as its page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from services.billing import presenting_books
from services.billing.configuration import Issuer
from services.billing.domain.places import in_places
from services.billing.invoice_papers import sender_of
from services.billing.papers.pdf import Paper, Table
from services.billing.presenting import decimals, places_text
from services.billing.queries.invoices import Invoice
from services.billing.queries.statement import Statement
from services.chassis.money import format_kronor
from services.chassis.refusals import N_
from services.chassis.spreadsheet import Cell, Ore, Sheet
from services.chassis.web.languages import Texts, number

Say = Callable[[str], str]

# What the year comes to, line by line: the words, and the figure of the reconciliation's row.
SUMS = (
    (N_("Share of the budget"), "share_ore"),
    (N_("Invoiced"), "invoiced_ore"),
    (N_("Credited"), "credited_ore"),
    (N_("Paid"), "paid_ore"),
    (N_("Netted"), "netted_ore"),
    (N_("Open"), "open_ore"),
    (N_("Still to come"), "to_come_ore"),
)
SETTLED = {"payment": N_("Payment"), "netting": N_("Netting")}
HEADINGS = ("År", "Kod", "Betalare", "Avsnitt", "Post", "Dag", "Belopp, kr", "Antal")


def basis_lines(found: Statement, say: Say, language: str) -> list[tuple[str, str]]:
    """Why the share is what it is: label and value."""
    basis = found.run.basis
    percent = decimals(found.percent, 2, language)
    lines = [
        (say(N_("Budget")), f"{format_kronor(basis.budget_ore, language)} kr"),
        (say(N_("Version of the shares")), str(found.run.version)),
    ]
    if found.member is None:
        return [*lines, (say(N_("Part of the budget")), f"{percent} %")]
    lines += [
        (say(N_("The municipalities together")), f"{format_kronor(found.run.members_ore, language)} kr"),
        (say(N_("Population")), number(found.member.population)),
        (say(N_("Population on")), basis.population_date.isoformat()),
        (say(N_("Vintage of the figure")), str(found.member.vintage)),
        (say(N_("Source")), found.member.source),
        (say(N_("Part of the members’ population")), f"{percent} %"),
    ]
    return lines + [
        (
            say(N_("Member")),
            f"{span.joined_on.isoformat()} – {span.left_on.isoformat() if span.left_on else ''}",
        )
        for span in found.memberships
        if span.joined_on.year >= found.year or (span.left_on and span.left_on.year <= found.year)
    ]


def paper_of(found: Statement, issuer: Issuer, texts: Texts, language: str, today: date) -> Paper:
    """The statement as it stands today, in a reader's language."""
    say: Say = texts.gettext
    row = found.row
    tables = [_sums(found, say, language), _invoices(found, say, language, today)]
    if found.settlements:
        tables.append(_settlements(found, say, language))
    if found.places:
        tables.append(_places(found, say, language))
    return Paper(
        language=language,
        title=say(N_("Year statement %(year)s, %(payer)s")) % {"year": found.year, "payer": found.name},
        day=today,
        sender=sender_of(issuer, say),
        receiver=(found.name,),
        facts=((say(N_("As of")), today.isoformat()), *basis_lines(found, say, language)),
        important=(
            (say(N_("Share of the budget")), f"{format_kronor(row.share_ore, language)} kr"),
            (say(N_("Open")), f"{format_kronor(row.open_ore, language)} kr"),
        ),
        tables=tuple(tables),
        notes=(say(N_("Places are counted by municipality. A protected identity is in no figure.")),)
        if found.places
        else (),
        page_of=say(N_("Page {page} of {pages}")),
    )


def _sums(found: Statement, say: Say, language: str) -> Table:
    rows = tuple((say(word), format_kronor(getattr(found.row, name), language)) for word, name in SUMS)
    return Table(say(N_("The year in sum")), (say(N_("Text")), say(N_("Amount, kr"))), (False, True), rows)


def _invoices(found: Statement, say: Say, language: str, today: date) -> Table:
    headings = (
        N_("Number"),
        N_("Instalment"),
        N_("Issued"),
        N_("Due"),
        N_("State"),
        N_("Amount, kr"),
        N_("Open, kr"),
    )
    rows = tuple(
        (
            each.number,
            str(each.instalment),
            each.issued_on.isoformat(),
            each.due_on.isoformat() if each.kind == "invoice" else "–",
            say(state_of(each, today)),
            format_kronor(each.amount_ore, language),
            format_kronor(each.open_ore, language),
        )
        for each in found.invoices
    )
    total = format_kronor(sum(each.amount_ore for each in found.invoices), language)
    left = format_kronor(sum(each.open_ore for each in found.invoices), language)
    numeric = (False, False, False, False, False, True, True)
    sums = ((say(N_("Sum")), "", "", "", "", total, left),)
    return Table(say(N_("Invoices and credit notes")), tuple(map(say, headings)), numeric, rows, sums)


def state_of(each: Invoice, today: date) -> str:
    return N_("credit note") if each.kind == "credit_note" else presenting_books.STATES[each.state(today)][0]


def _settlements(found: Statement, say: Say, language: str) -> Table:
    rows = tuple(
        (
            each.booked_on.isoformat(),
            say(SETTLED[each.kind]),
            each.voucher,
            format_kronor(each.amount_ore, language),
        )
        for each in found.settlements
    )
    total = format_kronor(sum(each.amount_ore for each in found.settlements), language)
    headings = (say(N_("Date")), say(N_("What")), say(N_("Voucher")), say(N_("Amount, kr")))
    sums = ((say(N_("Sum")), "", "", total),)
    return Table(say(N_("Payments and netting")), headings, (False, False, False, True), rows, sums)


def _places(found: Statement, say: Say, language: str) -> Table:
    rows = tuple(
        (
            each.term.in_language(language),
            places_text(each.at_home_thousandths, language),
            places_text(sum(count for _host, count in each.elsewhere), language),
            ", ".join(f"{host} {places_text(count, language)}" for host, count in each.elsewhere) or "–",
            places_text(each.given_thousandths, language),
        )
        for each in found.places
    )
    headings = (N_("Term"), N_("Places at home"), N_("Places elsewhere"), N_("Where"), N_("Given to others"))
    numeric = (False, True, True, False, True)
    title = N_("What its children got") if found.of_year else N_("What its children have, in the newest term")
    return Table(say(title), tuple(map(say, headings)), numeric, rows)


def sheet_of(found: Statement) -> Sheet:
    """A row a figure. In Swedish whatever the reader's language: files are read by programs."""
    basis = found.run.basis
    rows: list[tuple[str, str, date | None, Ore | None, int | Decimal | None]] = [
        ("Underlag", "Budget", None, Ore(basis.budget_ore), None),
        *(("Summering", label, None, Ore(getattr(found.row, name)), None) for label, name in _SUMS_SV),
    ]
    if found.member is not None:
        rows.insert(
            1,
            (
                "Underlag",
                f"Folkmängd, uppgift {found.member.vintage}",
                basis.population_date,
                None,
                found.member.population,
            ),
        )
    for each in found.invoices:
        word = "Kreditfaktura" if each.kind == "credit_note" else "Faktura"
        rows.append(("Fakturor", f"{word} {each.number}", each.issued_on, Ore(each.amount_ore), None))
    for paid in found.settlements:
        word = "Kvittning" if paid.kind == "netting" else "Betalning"
        rows.append(("Reglerat", f"{word} {paid.voucher}", paid.booked_on, Ore(paid.amount_ore), None))
    for term in found.places:
        rows.append(("Platser", f"{term.term.sv}, hemma", None, None, in_places(term.at_home_thousandths)))
        rows += [
            ("Platser", f"{term.term.sv}, i {host}", None, None, in_places(count))
            for host, count in term.elsewhere
        ]
        rows.append(
            ("Platser", f"{term.term.sv}, givna till andra", None, None, in_places(term.given_thousandths))
        )
    whole: list[tuple[Cell, ...]] = [(found.year, found.code, found.name, *row) for row in rows]
    return Sheet(f"Årsbesked {found.year}", HEADINGS, whole)


_SUMS_SV = (
    ("Andel av budgeten", "share_ore"),
    ("Fakturerat", "invoiced_ore"),
    ("Krediterat", "credited_ore"),
    ("Betalt", "paid_ore"),
    ("Kvittat", "netted_ore"),
    ("Öppet", "open_ore"),
    ("Återstår att fakturera", "to_come_ore"),
)

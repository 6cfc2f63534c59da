"""Compensation for places: ceilings, what a term's basis is now, and the runs that were kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.billing.compensation_tables import (
    compensation_ceilings,
    compensation_cuts,
    compensation_issues,
    compensation_lines,
    compensation_parts,
    compensation_prices,
    compensation_runs,
)
from services.billing.copy_tables import courses, place_stays, place_subjects, places, terms
from services.billing.domain import places as place_rules
from services.billing.domain.agreements import Price
from services.billing.domain.compensation import (
    Asked,
    Basis,
    Ceiling,
    Compensation,
    Cut,
    Line,
    Part,
    Term,
    compute,
    digest,
)
from services.billing.domain.places import WHOLE
from services.billing.domain.refusals import COMPENSATION_UNKNOWN
from services.billing.queries.freezing import agreement_valid_on
from services.billing.queries.invoices import Invoice, invoices_of_runs
from services.billing.queries.places import held
from services.billing.queries.terms import term_row
from services.billing.tables import ceilings, postings
from services.chassis.clock import local_date
from services.chassis.refusals import Refused
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was kept: its frozen basis and what it gave. `issued_at` is None before it is issued."""

    run_id: str
    version: int
    basis: Basis
    found: Compensation
    digest: str
    computed_by: str
    computed_at: datetime
    issued_at: datetime | None
    reason: str

    def holds(self) -> bool:
        """Whether what is kept is what its frozen basis gives, byte for byte."""
        return compute(self.basis) == self.found and digest(self.basis) == self.digest


@dataclass(frozen=True, slots=True)
class SetCeiling:
    """A ceiling as a home set it; the highest version of a year counts."""

    home: str
    version: int
    ceiling_ore: int
    decided_by: str
    recorded_by: str
    recorded_at: datetime


def ceilings_of_year(connection: sa.Connection, year: int) -> list[SetCeiling]:
    """Every version, by home, the newest first."""
    rows = connection.execute(
        sa.select(ceilings)
        .where(ceilings.c.year == year)
        .order_by(ceilings.c.municipality_code, ceilings.c.version.desc())
    )
    return [
        SetCeiling(
            row.municipality_code,
            row.version,
            row.ceiling_ore,
            row.decided_by,
            row.recorded_by,
            row.recorded_at,
        )
        for row in rows
    ]


def terms_of_year(connection: sa.Connection, year: int) -> list[Term]:
    """Those that begin in the year: their compensation belongs to it."""
    rows = connection.execute(sa.select(terms).order_by(terms.c.starts_on, terms.c.term_id))
    return [_term(row) for row in rows if row.starts_on.year == year]


def term(connection: sa.Connection, term_id: str) -> Term:
    """Raises Refused: term_not_known."""
    return _term(term_row(connection, term_id))


def _term(row: sa.Row[Any]) -> Term:
    return Term(row.term_id, LocalText(row.name_sv, row.name_en), row.starts_on, row.ends_on)


def basis_now(connection: sa.Connection, of: Term) -> Basis:
    """What the term's compensation follows from, as it is known now. Raises Refused: agreement_missing."""
    agreement = agreement_valid_on(connection, of.starts_on)
    agreed = agreement.terms
    prices = tuple(sorted(agreed.prices, key=lambda price: price.kind)) if agreed else ()
    return Basis(
        of,
        agreement.version,
        prices,
        agreed.payment_days if agreed else 0,
        tuple(_parts_now(connection, of)),
        tuple(_ceilings_now(connection, of)),
        _not_shown(connection, of),
    )


def _parts_now(connection: sa.Connection, of: Term) -> list[Part]:
    """Places in another municipality, by application and day; a course that is not known has no kind."""
    here = (places.c.term_id == of.term_id, held(of.ends_on))
    kind = sa.func.coalesce(courses.c.fee_kind, "").label("kind")
    of_place = (places.c.application_id, places.c.host_municipality.label("host"), kind, places.c.given_at)
    subject = place_subjects.c.application_id == places.c.application_id
    joined = sa.outerjoin(places, place_subjects, subject).outerjoin(
        courses, courses.c.course_id == place_subjects.c.course_id
    )
    home = places.c.home_municipality
    whole = sa.select(*of_place, home.label("home")).select_from(joined)
    lived_in = place_stays.c.home_municipality
    days = (place_stays.c.first_on, place_stays.c.last_on, place_stays.c.thousandths)
    split = sa.select(*of_place, lived_in.label("home"), *days).select_from(
        joined.join(place_stays, place_stays.c.application_id == places.c.application_id)
    )
    found = []
    for row in connection.execute(whole.where(*here, ~places.c.moved, home != places.c.host_municipality)):
        first, last = place_rules.days_held(of.starts_on, of.ends_on, local_date(row.given_at))
        found.append(Part(row.application_id, row.home, row.host, row.kind, first, last, WHOLE))
    for each in connection.execute(
        split.where(*here, places.c.moved, lived_in != places.c.host_municipality)
    ):
        about = (each.application_id, each.home, each.host, each.kind)
        found.append(Part(*about, each.first_on, each.last_on, each.thousandths))
    return sorted(found, key=lambda part: (part.application_id, part.first_on))


def _not_shown(connection: sa.Connection, of: Term) -> int:
    here = (places.c.term_id == of.term_id, held(of.ends_on), places.c.home_municipality.is_(None))
    return connection.scalar(sa.select(sa.func.count()).select_from(places).where(*here)) or 0


def _ceilings_now(connection: sa.Connection, of: Term) -> list[Ceiling]:
    used = used_elsewhere(connection, of)
    newest: dict[str, SetCeiling] = {}
    for each in ceilings_of_year(connection, of.year):
        newest.setdefault(each.home, each)
    return [
        Ceiling(each.home, each.version, each.ceiling_ore, used.get(each.home, 0), each.decided_by)
        for each in newest.values()
    ]


def used_elsewhere(connection: sa.Connection, of: Term) -> dict[str, int]:
    """What the newest runs of the year's other terms ask of each home: a ceiling is for the whole year."""
    used: dict[str, int] = {}
    for run in newest_of_year(connection, of.year):
        if run.basis.term.term_id != of.term_id:
            for home, ore in run.found.by_home_ore().items():
                used[home] = used.get(home, 0) + ore
    return used


def newest_of_year(connection: sa.Connection, year: int) -> list[Run]:
    """The run that holds of each term of the year that has one, by the term's days."""
    newest: dict[str, Run] = {}
    for run in _runs(connection, compensation_runs.c.year == year):
        newest.setdefault(run.basis.term.term_id, run)
    return sorted(newest.values(), key=lambda run: (run.basis.term.starts_on, run.basis.term.term_id))


def runs_of_term(connection: sa.Connection, term_id: str) -> list[Run]:
    """The newest first: it holds."""
    return _runs(connection, compensation_runs.c.term_id == term_id)


def every_run(connection: sa.Connection) -> list[Run]:
    return _runs(connection, sa.true())


def run_by_id(connection: sa.Connection, run_id: str | None) -> Run | None:
    return next(iter(_runs(connection, compensation_runs.c.run_id == run_id)), None)


def run_of_term(connection: sa.Connection, term_id: str, version: int | None = None) -> tuple[Run, list[Run]]:
    """The run that holds or the version asked for, and all. Raises Refused: compensation_unknown."""
    runs = runs_of_term(connection, term_id)
    asked = next((run for run in runs if version is None or run.version == version), None)
    if asked is None:
        raise Refused(COMPENSATION_UNKNOWN)
    return asked, runs


def _runs(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Run]:
    rows = connection.execute(
        sa.select(compensation_runs, compensation_issues.c.reason, compensation_issues.c.issued_at)
        .outerjoin(compensation_issues, compensation_issues.c.run_id == compensation_runs.c.run_id)
        .where(where)
        .order_by(compensation_runs.c.year, compensation_runs.c.term_id, compensation_runs.c.version.desc())
    ).all()
    ids = [row.run_id for row in rows]
    of = {table: _of_runs(connection, table, ids) for table in _PARTS}
    return [_run(row, {table: found.get(row.run_id, []) for table, found in of.items()}) for row in rows]


# Of each table the columns by which its rows are in order; the run's id stands before them.
_PARTS = (
    *(compensation_prices, compensation_parts, compensation_ceilings),
    *(compensation_lines, compensation_cuts),
)


def _of_runs(
    connection: sa.Connection, table: sa.Table, run_ids: Sequence[str]
) -> dict[str, list[sa.Row[Any]]]:
    found: dict[str, list[sa.Row[Any]]] = {}
    statement = sa.select(table).where(table.c.run_id.in_(run_ids)).order_by(*table.primary_key)
    for row in connection.execute(statement):
        found.setdefault(row.run_id, []).append(row)
    return found


def _run(row: sa.Row[Any], of: Mapping[sa.Table, Sequence[sa.Row[Any]]]) -> Run:
    prices = [Price(each.kind, each.price_ore) for each in of[compensation_prices]]
    parts = [
        Part(
            each.application_id,
            each.home_municipality,
            each.host_municipality,
            each.kind,
            each.first_on,
            each.last_on,
            each.thousandths,
        )
        for each in of[compensation_parts]
    ]
    limits = [
        Ceiling(each.home_municipality, each.version, each.ceiling_ore, each.used_ore, each.decided_by)
        for each in of[compensation_ceilings]
    ]
    lines = [
        Line(
            each.home_municipality,
            each.host_municipality,
            each.kind,
            each.thousandths,
            each.price_ore,
            each.amount_ore,
        )
        for each in of[compensation_lines]
    ]
    cuts = [
        Cut(each.home_municipality, each.host_municipality, each.cut_ore) for each in of[compensation_cuts]
    ]
    basis = Basis(
        _term(row),
        row.agreement_version,
        tuple(prices),
        row.payment_days,
        tuple(parts),
        tuple(limits),
        row.not_shown,
    )
    return Run(
        row.run_id,
        row.version,
        basis,
        Compensation(tuple(lines), tuple(cuts)),
        row.digest,
        row.computed_by,
        row.computed_at,
        row.issued_at,
        row.reason or "",
    )


def papers_of_term(connection: sa.Connection, runs: Sequence[Run]) -> list[Invoice]:
    """Every invoice and credit note that runs of the term issued, in that order."""
    return invoices_of_runs(connection, [run.run_id for run in runs])


def asked_now(connection: sa.Connection, papers: Sequence[Invoice]) -> tuple[Asked, ...]:
    """The invoices among them that are not credited, with what each asks for by host."""
    live = [each for each in papers if each.kind == "invoice" and each.credited_by_id is None]
    hosts = _hosts_of(connection, [each.voucher_id for each in live])
    return tuple(
        Asked(each.invoice_id, each.number, each.payer_code, hosts.get(each.voucher_id, {})) for each in live
    )


def _hosts_of(connection: sa.Connection, voucher_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """What vouchers say is owed to each host: the side that no claim stands on."""
    rows = connection.execute(
        sa.select(postings)
        .where(postings.c.voucher_id.in_(voucher_ids), postings.c.invoice_id.is_(None))
        .order_by(postings.c.voucher_id, postings.c.line)
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.voucher_id, {})[row.payer_code] = -row.amount_ore
    return found


def kinds(connection: sa.Connection) -> list[str]:
    """Kinds of places that a price list may name, by name."""
    return list(connection.scalars(sa.select(courses.c.fee_kind).distinct().order_by(courses.c.fee_kind)))

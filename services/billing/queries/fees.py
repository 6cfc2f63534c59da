"""The fee basis of hosts and terms, from what enrolment said of places and prices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.billing.copy_tables import place_subjects, places, terms
from services.billing.domain.fees import LEFT, Basis, Fee, FeeLine
from services.billing.fee_tables import place_fees
from services.billing.queries.places import held
from services.billing.queries.terms import term_row
from services.contracts.fact import LocalText

# What is said of the end of a place; the sentence of the rule book stays with enrolment.
LEFT_TEXT = LocalText("Platsen lämnades under terminen", "The place was left within the term")


@dataclass(frozen=True, slots=True)
class HostTerm:
    """A host's places in a term, and what their families pay so far as it is told."""

    term_id: str
    term: LocalText
    host: str
    places: int
    unpriced: int
    total_ore: int


def hosts_and_terms(connection: sa.Connection, covers: Sequence[str] | None) -> list[HostTerm]:
    """The newest term first; `covers` limits the hosts, None is all of them."""
    found = []
    for term in connection.execute(
        sa.select(terms).order_by(terms.c.starts_on.desc(), terms.c.term_id)
    ).all():
        counts = sa.case((held(term.ends_on), place_fees.c.total_ore), else_=places.c.left_ore)
        open_ = sa.and_(held(term.ends_on), place_fees.c.application_id.is_(None))
        statement = (
            sa.select(
                places.c.host_municipality,
                sa.func.sum(sa.case((held(term.ends_on), 1), else_=0)).label("held"),
                sa.func.sum(sa.case((open_, 1), else_=0)).label("unpriced"),
                sa.func.sum(sa.func.coalesce(counts, 0)).label("ore"),
            )
            .outerjoin(place_fees, place_fees.c.application_id == places.c.application_id)
            .where(places.c.term_id == term.term_id)
            .group_by(places.c.host_municipality)
            .order_by(places.c.host_municipality)
        )
        name = LocalText(term.name_sv, term.name_en)
        for row in connection.execute(statement):
            if covers is None or row.host_municipality in covers:
                figures = (int(row.held), int(row.unpriced), int(row.ore))
                found.append(HostTerm(term.term_id, name, row.host_municipality, *figures))
    return found


def fee_basis(connection: sa.Connection, term_id: str, host: str) -> Basis:
    """A host's fees for a term, by application. Raises Refused: term_not_known."""
    term = term_row(connection, term_id)
    counts = sa.case((held(term.ends_on), 1), else_=0).label("counts")
    rows = connection.execute(
        sa.select(places, place_fees, place_subjects.c.course_id, counts)
        .add_columns(places.c.application_id.label("place_id"))
        .outerjoin(place_fees, place_fees.c.application_id == places.c.application_id)
        .outerjoin(place_subjects, place_subjects.c.application_id == places.c.application_id)
        .where(places.c.term_id == term_id, places.c.host_municipality == host)
        .where(sa.or_(held(term.ends_on), places.c.left_ore > 0))
        .order_by(places.c.application_id)
    ).all()
    fees = [_fee(row) for row in rows if not row.counts or row.priced_at is not None]
    name = LocalText(term.name_sv, term.name_en)
    return Basis(term_id, name, host, tuple(fees), len(rows) - len(fees))


def lines_in(text: str) -> tuple[FeeLine, ...]:
    """The lines of a price as they are kept."""
    return tuple(FeeLine(rule, LocalText(sv, en), ore) for rule, sv, en, ore in json.loads(text))


def _fee(row: sa.Row[Any]) -> Fee:
    """Of a home that is not told no guardian is, whatever an earlier fact said."""
    guardian_id = row.guardian_id if row.home_municipality is not None else None
    about = (row.place_id, row.course_id or "", row.home_municipality, guardian_id)
    steps = (row.child_number or 1, row.course_number or 1)
    if row.counts:
        money = (row.rents, row.rental_ore, row.voucher_ore, row.total_ore)
        return Fee(*about, *steps, *money, lines_in(row.lines))
    left = FeeLine(LEFT, LEFT_TEXT, row.left_ore)
    return Fee(*about, *steps, None, 0, 0, row.left_ore, (left,), row.outcome)

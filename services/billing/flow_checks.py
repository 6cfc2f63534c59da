"""Invariants of the flow, for `samklang check`."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.copy_tables import place_stays, place_subjects, places, terms
from services.billing.domain.places import WHOLE
from services.billing.queries.flow import term_flow
from services.billing.queries.places import held, moved_places


def check_flow(connection: sa.Connection) -> list[str]:
    """What does not hold, in words; empty when all is well. No pupil is named."""
    return [*_parts(connection), *_totals(connection), *_protected(connection)]


def _parts(connection: sa.Connection) -> list[str]:
    """The parts of a place sum to one, and are what the moves that are known give."""
    kept: dict[str, list[tuple[object, ...]]] = {}
    for row in connection.execute(sa.select(place_stays).order_by(place_stays.c.first_on)):
        part = (row.home_municipality, row.first_on, row.last_on, row.thousandths)
        kept.setdefault(row.application_id, []).append(part)
    findings = []
    for place in moved_places(connection, sa.true()):
        found = kept.pop(place.application_id, [])
        given = [(each.home, each.first_on, each.last_on, each.thousandths) for each in place.parts]
        if found != given or place.is_split != bool(given):
            findings.append(f"the place {place.application_id} has parts that its moves do not give")
        total = sum(int(str(part[-1])) for part in found)
        if found and total != WHOLE:
            findings.append(f"the place {place.application_id} has parts that sum to {total} thousandths")
    return findings + [f"the place {each} has parts and did not move" for each in kept]


def _totals(connection: sa.Connection) -> list[str]:
    """What the flow of a term shows and does not show is all its places."""
    findings = []
    for term in connection.execute(sa.select(terms).order_by(terms.c.starts_on)).all():
        counted = connection.scalar(
            sa.select(sa.func.count())
            .select_from(places)
            .where(places.c.term_id == term.term_id, held(term.ends_on))
        )
        flow = term_flow(connection, term)
        shown = 0 if flow is None else flow.thousandths
        if shown != (counted or 0) * WHOLE:
            findings.append(f"the flow of {term.term_id} has {shown} thousandths of {counted} places")
    return findings


def _protected(connection: sa.Connection) -> list[str]:
    """Of a place whose home is not told, nothing tells whose it is or where it counts."""
    whose = place_subjects.c.application_id == places.c.application_id
    told = connection.scalar(
        sa.select(sa.func.count())
        .select_from(sa.outerjoin(places, place_subjects, whose))
        .where(
            places.c.home_municipality.is_(None),
            sa.or_(place_subjects.c.pupil_id.is_not(None), places.c.moved),
        )
    )
    return [f"{told} places whose home is protected say more than that"] if told else []

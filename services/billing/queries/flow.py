"""Flow beside share: the places that pupils of one municipality took in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.billing.tables import places, terms
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class HomeFlow:
    """Places now held by pupils of one home municipality: at home, and by host elsewhere."""

    at_home: int
    elsewhere: Mapping[str, int]

    @property
    def elsewhere_count(self) -> int:
        return sum(self.elsewhere.values())


@dataclass(frozen=True, slots=True)
class TermFlow:
    """`homes` by home municipality's code; `not_shown` counts places whose home is protected."""

    term_id: str
    name: LocalText
    homes: Mapping[str, HomeFlow]
    not_shown: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Places by term. `of_year` is False where the year has none and the newest term stands in."""

    of_year: bool
    terms: tuple[TermFlow, ...]


def flow_of_year(connection: sa.Connection, year: int) -> Flow:
    """Places of the terms that touch the year; of the newest term with places where there are none."""
    rows = connection.execute(
        sa.select(terms)
        .where(terms.c.term_id.in_(sa.select(places.c.term_id).where(places.c.ended_at.is_(None))))
        .order_by(terms.c.starts_on, terms.c.term_id)
    ).all()
    touching = [row for row in rows if row.starts_on.year <= year <= row.ends_on.year]
    shown = touching or rows[-1:]
    return Flow(bool(touching), tuple(_term_flow(connection, row) for row in shown))


def _term_flow(connection: sa.Connection, term: sa.Row[Any]) -> TermFlow:
    counted = connection.execute(
        sa.select(places.c.home_municipality, places.c.host_municipality, sa.func.count().label("places"))
        .where(places.c.term_id == term.term_id, places.c.ended_at.is_(None))
        .group_by(places.c.home_municipality, places.c.host_municipality)
        .order_by(places.c.home_municipality, places.c.host_municipality)
    ).all()
    homes = {}
    for home in sorted({row.home_municipality for row in counted if row.home_municipality is not None}):
        hosts = {row.host_municipality: row.places for row in counted if row.home_municipality == home}
        homes[home] = HomeFlow(hosts.pop(home, 0), hosts)
    not_shown = sum(row.places for row in counted if row.home_municipality is None)
    return TermFlow(term.term_id, LocalText(term.name_sv, term.name_en), homes, not_shown)


@dataclass(frozen=True, slots=True)
class PlaceFact:
    """What enrolment said of a place: the application's id stands for nobody in particular here."""

    application_id: str
    given_at: datetime
    ended_at: datetime | None


def facts_behind(connection: sa.Connection, term_id: str, home: str, host: str) -> list[PlaceFact]:
    """Every place behind a figure of the flow, those that ended too.

    A protected identity has no home here, so none of its places is ever behind a figure by home.
    """
    rows = connection.execute(
        sa.select(places)
        .where(
            places.c.term_id == term_id,
            places.c.home_municipality == home,
            places.c.host_municipality == host,
        )
        .order_by(places.c.given_at, places.c.application_id)
    )
    return [PlaceFact(row.application_id, row.given_at, row.ended_at) for row in rows]


def term_name(connection: sa.Connection, term_id: str) -> LocalText:
    """Raises Refused."""
    row = connection.execute(sa.select(terms).where(terms.c.term_id == term_id)).first()
    if row is None:
        raise Refused(Refusal("term_not_known", N_("There is no such term."), status=404))
    return LocalText(row.name_sv, row.name_en)

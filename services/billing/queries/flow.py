"""Flow beside share: the places that pupils of one municipality took in another.

A place counts one, and where its pupil moved within the term in parts that sum to one; see domain/places.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.billing.copy_tables import place_stays, places, terms
from services.billing.domain import places as rules
from services.billing.domain.places import WHOLE, Stay
from services.billing.queries.places import held
from services.billing.queries.terms import term_row
from services.chassis.clock import local_date
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class HomeFlow:
    """Thousandths of places of pupils of one home municipality: at home, and by host elsewhere."""

    at_home_thousandths: int
    by_host_thousandths: Mapping[str, int]

    @property
    def elsewhere_thousandths(self) -> int:
        return sum(self.by_host_thousandths.values())


@dataclass(frozen=True, slots=True)
class TermFlow:
    """`homes` by home municipality's code; `not_shown` counts places whose home is protected.

    `split` is how many of the places are split between two homes.
    """

    term_id: str
    name: LocalText
    homes: Mapping[str, HomeFlow]
    not_shown: int
    split: int

    @property
    def thousandths(self) -> int:
        """All places, those whose home is not shown too."""
        shown = sum(home.at_home_thousandths + home.elsewhere_thousandths for home in self.homes.values())
        return shown + self.not_shown * WHOLE

    @property
    def places(self) -> int:
        """Whole, since the parts of each place sum to one."""
        return self.thousandths // WHOLE


@dataclass(frozen=True, slots=True)
class Flow:
    """Places by term. `of_year` is False where the year has none and the newest term stands in."""

    of_year: bool
    terms: tuple[TermFlow, ...]


def flow_of_year(connection: sa.Connection, year: int) -> Flow:
    """Places of the terms that touch the year; of the newest term with places where there are none."""
    rows = connection.execute(sa.select(terms).order_by(terms.c.starts_on, terms.c.term_id)).all()
    touching = [row for row in rows if row.starts_on.year <= year <= row.ends_on.year]
    shown = tuple(term for row in touching if (term := term_flow(connection, row)) is not None)
    if shown:
        return Flow(True, shown)
    earlier = (term for row in reversed(rows) if (term := term_flow(connection, row)) is not None)
    newest = next(earlier, None)
    return Flow(False, () if newest is None else (newest,))


def term_flow(connection: sa.Connection, term: sa.Row[Any]) -> TermFlow | None:
    """None for a term without places."""
    home, host = places.c.home_municipality, places.c.host_municipality
    of_term = (places.c.term_id == term.term_id, held(term.ends_on))
    whole = (
        sa.select(home, host, (sa.func.count() * WHOLE).label("thousandths"))
        .where(*of_term, ~places.c.moved)
        .group_by(home, host)
    )
    lived_in = place_stays.c.home_municipality
    parts = (
        sa.select(lived_in, host, sa.func.sum(place_stays.c.thousandths))
        .join(place_stays, place_stays.c.application_id == places.c.application_id)
        .where(*of_term, places.c.moved)
        .group_by(lived_in, host)
    )
    counted: dict[tuple[str | None, str], int] = {}
    for row in connection.execute(sa.union_all(whole, parts)):
        key = (row.home_municipality, row.host_municipality)
        counted[key] = counted.get(key, 0) + int(row.thousandths)
    if not counted:
        return None
    split = connection.scalar(sa.select(sa.func.count()).select_from(places).where(*of_term, places.c.moved))
    homes: dict[str, dict[str, int]] = {}
    not_shown = 0
    for (lives_in, given_by), thousandths in sorted(counted.items(), key=lambda item: str(item[0])):
        if lives_in is None:
            not_shown += thousandths // WHOLE
        else:
            homes.setdefault(lives_in, {})[given_by] = thousandths
    return TermFlow(
        term.term_id,
        LocalText(term.name_sv, term.name_en),
        {code: HomeFlow(hosts.pop(code, 0), hosts) for code, hosts in homes.items()},
        not_shown,
        split or 0,
    )


@dataclass(frozen=True, slots=True)
class PlaceFact:
    """What enrolment said of a place: the application's id stands for nobody in particular here.

    The days are those on which its pupil lived in the home in question; `thousandths` is the part of the
    place that counts there, and 1000 where the pupil did not move within the term.
    """

    application_id: str
    given_at: datetime
    ended_at: datetime | None
    first_on: date
    last_on: date
    thousandths: int
    counts: bool

    @property
    def days(self) -> int:
        return (self.last_on - self.first_on).days + 1


def facts_behind(connection: sa.Connection, term_id: str, home: str, host: str) -> list[PlaceFact]:
    """Every place behind a figure of the flow, those that ended too.

    A protected identity has no home here, so none of its places is ever behind a figure by home.
    """
    term = connection.execute(sa.select(terms).where(terms.c.term_id == term_id)).first()
    if term is None:
        return []
    of_pair = (places.c.term_id == term_id, places.c.host_municipality == host)
    counts = sa.case((held(term.ends_on), 1), else_=0).label("counts")
    whole = sa.select(places, counts).where(*of_pair, ~places.c.moved, places.c.home_municipality == home)
    parts = (
        sa.select(places, counts, place_stays.c.first_on, place_stays.c.last_on, place_stays.c.thousandths)
        .join(place_stays, place_stays.c.application_id == places.c.application_id)
        .where(*of_pair, places.c.moved, place_stays.c.home_municipality == home)
    )
    found = []
    for row in connection.execute(whole):
        first, last = rules.days_held(term.starts_on, term.ends_on, local_date(row.given_at))
        found.append(_fact(row, first, last, WHOLE))
    for row in connection.execute(parts):
        found.append(_fact(row, row.first_on, row.last_on, row.thousandths))
    return sorted(found, key=lambda each: (each.given_at, each.application_id, each.first_on))


@dataclass(frozen=True, slots=True)
class SplitPlace:
    """A part of a place that counts for more homes than one, or for another than it was given with."""

    application_id: str
    term_id: str
    host: str
    stay: Stay


def split_places(connection: sa.Connection, term_ids: Sequence[str]) -> list[SplitPlace]:
    """The parts of every place of some terms that counts by parts, by application and day."""
    ends = {
        row.term_id: row.ends_on
        for row in connection.execute(sa.select(terms).where(terms.c.term_id.in_(term_ids)))
    }
    found = []
    for term_id in term_ids:
        rows = connection.execute(
            sa.select(
                places.c.application_id.label("place_id"),
                places.c.host_municipality,
                place_stays.c.home_municipality.label("lived_in"),
                place_stays.c.first_on,
                place_stays.c.last_on,
                place_stays.c.thousandths,
            )
            .join(place_stays, place_stays.c.application_id == places.c.application_id)
            .where(places.c.term_id == term_id, places.c.moved, held(ends[term_id]))
            .order_by(places.c.application_id, place_stays.c.first_on)
        )
        for row in rows:
            stay = Stay(row.lived_in, row.first_on, row.last_on, row.thousandths)
            found.append(SplitPlace(row.place_id, term_id, row.host_municipality, stay))
    return found


def _fact(row: sa.Row[Any], first_on: date, last_on: date, thousandths: int) -> PlaceFact:
    return PlaceFact(
        row.application_id, row.given_at, row.ended_at, first_on, last_on, thousandths, bool(row.counts)
    )


def term_name(connection: sa.Connection, term_id: str) -> LocalText:
    """Raises Refused."""
    row = term_row(connection, term_id)
    return LocalText(row.name_sv, row.name_en)

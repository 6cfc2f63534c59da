"""Places whose pupils moved, with what their parts follow from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from services.billing.copy_tables import place_subjects, places, pupil_merges, pupil_moves, terms
from services.billing.domain import places as rules
from services.billing.domain.places import Move, Stay
from services.chassis.clock import STOCKHOLM, local_date


@dataclass(frozen=True, slots=True)
class MovedPlace:
    """A place, the days on which it is held, and the moves of its pupil in the order they were said.

    `home` is empty where it is not told. `is_split` is what is kept: whether its parts are what counts.
    """

    application_id: str
    home: str
    first_on: date
    last_on: date
    moves: tuple[Move, ...]
    is_split: bool

    @property
    def stays(self) -> tuple[Stay, ...]:
        return rules.stays(self.home, self.first_on, self.last_on, self.moves)

    @property
    def parts(self) -> tuple[Stay, ...]:
        """Its parts; none where it counts whole for the home it was given with."""
        stays = self.stays
        return () if [stay.home for stay in stays] == [self.home] else stays


def same_pupils(connection: sa.Connection, pupil_ids: Iterable[str]) -> dict[str, str]:
    """By id, the one record that it and others are: of all ids that are some of these pupils'."""
    kept = {row.merged_id: row.pupil_id for row in connection.execute(sa.select(pupil_merges))}

    def record_of(pupil_id: str) -> str:
        seen = {pupil_id}
        while (other := kept.get(pupil_id)) is not None and other not in seen:
            seen.add(pupil_id := other)
        return pupil_id

    asked = {record_of(pupil_id) for pupil_id in pupil_ids}
    everyone = {*pupil_ids, *asked, *kept, *kept.values()}
    return {each: record for each in everyone if (record := record_of(each)) in asked}


def moved_places(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[MovedPlace]:
    """Those among `which` that are split, or whose pupil has moved, in a term that is known."""
    whose = place_subjects.c.pupil_id
    told = sa.union(
        sa.select(pupil_moves.c.pupil_id),
        sa.select(pupil_merges.c.pupil_id),
        sa.select(pupil_merges.c.merged_id),
    )
    rows = connection.execute(
        sa.select(places, whose, terms.c.starts_on, terms.c.ends_on)
        .join(terms, terms.c.term_id == places.c.term_id)
        .outerjoin(place_subjects, place_subjects.c.application_id == places.c.application_id)
        .where(which, sa.or_(places.c.moved, whose.in_(told)))
        .order_by(places.c.application_id)
    ).all()
    if not rows:
        return []
    records = same_pupils(connection, {row.pupil_id for row in rows if row.pupil_id is not None})
    moves = _moves(connection, records)
    found = []
    for row in rows:
        first, last = rules.days_held(row.starts_on, row.ends_on, local_date(row.given_at))
        home = row.home_municipality or ""
        own = tuple(moves.get(records.get(row.pupil_id, ""), ())) if home else ()
        found.append(MovedPlace(row.application_id, home, first, last, own, row.moved))
    return found


def _moves(connection: sa.Connection, records: Mapping[str, str]) -> dict[str, list[Move]]:
    """By the pupil's record, in the order they were said."""
    found: dict[str, list[Move]] = {}
    for row in connection.execute(
        sa.select(pupil_moves)
        .where(pupil_moves.c.pupil_id.in_(list(records)))
        .order_by(pupil_moves.c.sequence)
    ):
        move = Move(row.from_municipality, row.to_municipality, row.moved_on)
        found.setdefault(records[row.pupil_id], []).append(move)
    return found


def after(day: date) -> datetime:
    """The moment at which the day is over, in Sweden."""
    return datetime.combine(day + timedelta(days=1), time(), STOCKHOLM)


def held(last_on: date) -> sa.ColumnElement[bool]:
    """Places that are held now, or were on the last day of their term: what ended later counted till then."""
    return sa.or_(places.c.ended_at.is_(None), places.c.ended_at >= after(last_on))

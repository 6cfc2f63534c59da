"""Whether the seats that are offered went by the queue, as the rule book orders it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import local_date
from services.enrolment import queueing, repository
from services.enrolment.domain.admission import NEXT_IN_QUEUE, CourseState
from services.enrolment.domain.queue import order_on, stood_before
from services.enrolment.tables import application_events, applications


def out_of_turn(connection: sa.Connection) -> list[str]:
    """Who waits though a standing offer went to one behind, and no reason was recorded for passing by.

    Only those are looked at who waited before the offer was made and have only waited since.
    """
    offers = connection.execute(
        sa.select(applications.c.course_id, applications.c.application_id, applications.c.offered_at).where(
            applications.c.state == "offered", applications.c.rule == NEXT_IN_QUEUE
        )
    ).all()
    course_ids = {offer.course_id for offer in offers}
    if not course_ids:
        return []
    known = repository.known_municipalities(connection)
    states = {
        row.course_id: repository.course_state(row, known)
        for row in connection.execute(repository.course_rows(course_ids))
    }
    rows: dict[str, list[Any]] = {course_id: [] for course_id in course_ids}
    active = (applications.c.course_id.in_(course_ids), applications.c.state.in_(("queued", "offered")))
    for row in connection.execute(queueing.waiting_rows().add_columns(applications.c.state).where(*active)):
        rows[row.course_id].append(row)
    happened = _Happened(connection, course_ids)
    return [
        f"application {waits} waits for course {offer.course_id} ahead of {offer.application_id}, which was "
        f"offered the seat, and no reason is recorded"
        for offer in offers
        for waits in _ahead(offer, states[offer.course_id], rows[offer.course_id])
        if happened.only_waited(waits, offer.offered_at)
    ]


def _ahead(offer: Any, state: CourseState, rows: Sequence[Any]) -> Iterator[str]:
    """Who waits today and stood before the one who was offered the seat."""
    order = order_on(state.rule_book, state.terms.term_starts_on, local_date(offer.offered_at))
    offered = next(row for row in rows if row.application_id == offer.application_id)
    behind = queueing.waiting_of(offered, state, {}, set())
    for row in rows:
        if row.state == "queued" and stood_before(queueing.waiting_of(row, state, {}, set()), behind, order):
            yield row.application_id


class _Happened:
    """What is recorded of the applications for some courses."""

    def __init__(self, connection: sa.Connection, course_ids: Collection[str]) -> None:
        self._skipped: set[tuple[str, datetime]] = set()
        self._changed: dict[str, datetime] = {}
        events = (
            sa.select(application_events.c.application_id, application_events.c.at, application_events.c.what)
            .join(applications, applications.c.application_id == application_events.c.application_id)
            .where(applications.c.course_id.in_(course_ids))
            .order_by(application_events.c.at)
        )
        for row in connection.execute(events):
            if row.what == "skipped":
                self._skipped.add((row.application_id, row.at))
            else:
                self._changed[row.application_id] = row.at

    def only_waited(self, application_id: str, offered_at: datetime) -> bool:
        """Whether it waited before and since, and nobody said why the offer passed it by."""
        changed = self._changed.get(application_id)
        waited = changed is not None and changed < offered_at
        return waited and (application_id, offered_at) not in self._skipped

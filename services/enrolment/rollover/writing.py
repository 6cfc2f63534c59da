"""A plan becomes places, offers, queue positions and facts, as everybody's, in statements of many rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.unit import Unit
from services.contracts.eligibility import basis_for_pupil
from services.contracts.enrolment import (
    ApplicationEnded,
    ApplicationQueued,
    PlaceGiven,
    PlaceNotContinued,
    PlaceOffered,
)
from services.enrolment import queueing, repository, surroundings
from services.enrolment.domain.admission import CourseState, facts_of
from services.enrolment.domain.rollover import (
    CONFIRM,
    CONTINUES,
    ENDS,
    NOT_CONFIRMED,
    OFFERED,
    QUEUE_TO_CONFIRM,
    STAYS,
    WAITS,
    Effect,
    Holder,
    Plan,
)
from services.enrolment.readers import readers
from services.enrolment.rollover.loading import Loaded, next_application_id
from services.enrolment.tables import applications, courses

MOST_AT_ONCE = 5000  # ids in one statement
STATES = {CONTINUES: "placed", CONFIRM: "offered", OFFERED: "offered", WAITS: "queued"}


def write(unit: Unit, loaded: Loaded, planned: Plan, by: str) -> None:
    """The courses of both terms are locked, and `planned` is what follows from `loaded`."""
    writing = _Writing(unit, loaded, planned, by)
    acting = [each for each in planned.effects if each.kind != STAYS]
    holders = {each.application_id: each for each in loaded.given.holders if each.state == "placed"}
    writing.places([each for each in acting if each.application_id in holders], holders)
    writing.queues([each for each in acting if each.application_id not in holders])
    _save_courses(unit, loaded, planned, acting)
    writing.record()


def _save_courses(unit: Unit, loaded: Loaded, planned: Plan, acting: Sequence[Effect]) -> None:
    """The next courses as planned, and those of the term before without who has left their queues."""
    for effect in acting:
        row = loaded.rows[effect.application_id]
        if row.state == "queued" and row.course_id in loaded.before:
            loaded.before[row.course_id].waiting -= 1
    goes_on = {course_id for course_id in loaded.given.continued.values() if course_id is not None}
    repository.save_seats(unit, [*loaded.before.values(), *planned.courses.values()])
    done = courses.c.course_id.in_(sorted(goes_on))
    unit.execute(sa.update(courses).where(done).values(carried_over=True))


class _Writing:
    """Collects the facts while rows are written; they are recorded once queues can be read again."""

    def __init__(self, unit: Unit, loaded: Loaded, planned: Plan, by: str) -> None:
        self.unit = unit
        self.loaded = loaded
        self.planned = planned
        self.courses = planned.courses
        self.by = by
        # (id, effect, row) of everything that is placed, offered or waits from now on.
        self.given: list[tuple[str, Effect, sa.Row[Any]]] = []
        self.ended: list[tuple[Effect, sa.Row[Any]]] = []
        self.events: list[tuple[str, str, str, str]] = []
        self.guardians = repository.guardians_of(unit, {row.pupil_id for row in loaded.rows.values()})

    def places(self, effects: Sequence[Effect], holders: Mapping[str, Holder]) -> None:
        """A place stands until its term is over; what it becomes is an application of its own."""
        new, lifted, ends = [], [], []
        for effect in effects:
            row = self.loaded.rows[effect.application_id]
            if effect.kind == ENDS:
                ends.append((effect, row))
                continue
            holder = holders[effect.application_id]
            waited = holder.waits_next
            next_id = waited or next_application_id(self.loaded.given.term_id, effect.application_id)
            values = {
                **self._values(effect, row),
                "held_since": _held_since(effect, row),
            }
            if waited is None:
                new.append({"application_id": next_id, **self._first_values(holder, effect, row), **values})
            else:
                lifted.append({"id": next_id, **values})
            self.given.append((next_id, effect, row))
            self.events.append((next_id, self.by, values["state"], effect.reason))
            if effect.rental_ends:
                self.events.append((next_id, self.by, "rental_ended", holder.rents or ""))
        repository.insert_applications(self.unit, new)
        _update(self.unit, lifted)
        carried = [{"id": each.application_id, "carried": _carried(each)} for each in effects]
        _update(self.unit, carried)
        self._keep_dates([row for row in new if row["state"] == "queued"])
        self._not_continued(ends)

    def queues(self, effects: Sequence[Effect]) -> None:
        """A queue position moves, with its date: it is one application, in the next term from now on."""
        moved = []
        for effect in effects:
            row = self.loaded.rows[effect.application_id]
            if effect.kind == ENDS:
                self.ended.append((effect, row))
                continue
            values = {**self._values(effect, row), "course_id": effect.to_course, "passed": False}
            moved.append({"id": effect.application_id, **values, "home_municipality": row.home_then})
            self.given.append((effect.application_id, effect, row))
            self.events.append((effect.application_id, self.by, values["state"], effect.reason))
        _update(self.unit, moved)
        self._end_queued()

    def _values(self, effect: Effect, row: sa.Row[Any]) -> dict[str, Any]:
        """What the effect sets of an application, new or there already."""
        state, now = STATES[effect.kind], self.unit.now
        offered = state == "offered"
        return {
            "state": state,
            "rule": effect.reason,
            "changed_at": now,
            "offered_at": now if offered else None,
            "answer_by": effect.answer_by if offered else None,
            "renew_by": effect.answer_by if effect.reason == QUEUE_TO_CONFIRM else None,
            "next_term": None,
            "priced": False,
        }

    def _first_values(self, holder: Holder, effect: Effect, row: sa.Row[Any]) -> dict[str, Any]:
        course = self.courses[effect.to_course or ""]
        who = holder.applicant
        explanation = {
            "carried_over_from": row.application_id,
            **facts_of(course),
        }
        return {
            "course_id": course.course_id,
            "pupil_id": row.pupil_id,
            "guardian_id": row.guardian_id,
            "home_municipality": row.home_then,
            "outcome": None,
            "queued_at": row.queued_at,
            "basis": basis_for_pupil(course.terms, course.rule_book, who.home, who.known).rule,
            "explanation": json.dumps(explanation, sort_keys=True),
            "applied_by": self.by,
            # The family pays with a Fritidskort once; the instrument stays with the child.
            "rents": None if holder.rental_ends else holder.rents,
            "decided_at": self.unit.now,
        }

    def _not_continued(self, ends: Sequence[tuple[Effect, sa.Row[Any]]]) -> None:
        for effect, row in ends:
            self.events.append((effect.application_id, self.by, "not_continued", effect.reason))
            self.unit.record(
                PlaceNotContinued(
                    application_id=row.application_id,
                    course_id=row.course_id,
                    pupil_id=row.pupil_id,
                    **self._readers(row),
                    term_id=self.loaded.given.term_id,
                    reason=effect.reason,
                    decided_at=self.unit.now,
                )
            )

    def _end_queued(self) -> None:
        """Who may not wait in the next term; the queue date of its subject stays, unless it let it lapse."""
        rows, dates, lost = [], [], set()
        for effect, row in self.ended:
            lapsed = effect.reason == NOT_CONFIRMED
            outcome = "not_renewed" if lapsed else "not_carried_over"
            rows.append(
                {"id": row.application_id, "state": "ended", "outcome": outcome, "changed_at": self.unit.now}
            )
            subject = self.loaded.before[row.course_id].subject
            if lapsed:
                lost.add((row.pupil_id, subject))
            else:
                dates.append(
                    {"pupil_id": row.pupil_id, "course_id": row.course_id, "queued_at": row.queued_at}
                )
            self.events.append((row.application_id, self.by, "ended", effect.reason))
            self.unit.record(
                ApplicationEnded(
                    application_id=row.application_id,
                    course_id=row.course_id,
                    pupil_id=row.pupil_id,
                    **self._readers(row),
                    outcome=outcome,
                    had="queue",
                    ended_at=self.unit.now,
                )
            )
        _update(self.unit, rows)
        surroundings.lose_queue_dates(self.unit, lost)
        self._keep_dates(dates)

    def _keep_dates(self, rows: Sequence[Mapping[str, Any]]) -> None:
        known: dict[str, CourseState] = {**self.loaded.before, **self.courses}
        dates = {(row["pupil_id"], known[row["course_id"]].subject): row["queued_at"] for row in rows}
        surroundings.keep_queue_dates(self.unit, dates)

    def _readers(self, row: sa.Row[Any]) -> dict[str, Any]:
        return readers(row.guardian_id, row, self.guardians.get(row.pupil_id, ()), self.unit.today)

    def record(self) -> None:
        passed_by = [(each, "enrolment", "skipped", why) for each, why in self.planned.skipped]
        repository.note_events(self.unit, [*self.events, *passed_by])
        waited_for = {
            effect.to_course: self.courses[effect.to_course]
            for _, effect, _ in self.given
            if effect.kind == WAITS and effect.to_course is not None
        }
        queues = queueing.queues(self.unit.connection, waited_for, self.unit.today)
        positions = {
            each.application_id: position
            for queue in queues.values()
            for position, each in enumerate(queue, start=1)
        }
        for next_id, effect, row in self.given:
            self._record(next_id, effect, row, positions)

    def _record(self, next_id: str, effect: Effect, row: sa.Row[Any], positions: Mapping[str, int]) -> None:
        """Of a protected pupil a fact says neither who stands behind it nor from where."""
        course = self.courses[effect.to_course or ""]
        who: dict[str, Any] = {
            "application_id": next_id,
            "course_id": course.course_id,
            "pupil_id": row.pupil_id,
            **self._readers(row),
            "rule": effect.reason,
        }
        if STATES[effect.kind] == "offered":
            self.unit.record(PlaceOffered(offered_at=self.unit.now, answer_by=effect.answer_by, **who))
            return
        where: dict[str, Any] = {
            "home_municipality": None if row.protected else row.home_then,
            "host_municipality": course.terms.host.code,
            "term_id": course.term_id,
        }
        if effect.kind == CONTINUES:
            self.unit.record(PlaceGiven(given_at=self.unit.now, **who, **where))
            return
        renew_by = effect.answer_by if effect.reason == QUEUE_TO_CONFIRM else None
        position = positions[next_id]
        self.unit.record(
            ApplicationQueued(queued_at=row.queued_at, position=position, renew_by=renew_by, **who, **where)
        )


def _held_since(effect: Effect, row: sa.Row[Any]) -> datetime | None:
    """The place keeps its turn among the family's, and nobody joins late with it; a new seat has its own."""
    goes_on = effect.kind in (CONTINUES, CONFIRM)
    return (row.held_since or row.offered_at or row.decided_at) if goes_on else None


def _carried(effect: Effect) -> str:
    return effect.reason if effect.kind == ENDS else effect.kind


def _update(unit: Unit, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of `id` and the columns to set: a statement for all that get the same values."""
    alike: dict[tuple[tuple[str, Any], ...], list[str]] = {}
    for row in rows:
        values = tuple((name, value) for name, value in row.items() if name != "id")
        alike.setdefault(values, []).append(row["id"])
    for values, ids in alike.items():
        for first in range(0, len(ids), MOST_AT_ONCE):
            mine = applications.c.application_id.in_(ids[first : first + MOST_AT_ONCE])
            unit.execute(sa.update(applications).where(mine).values(**dict(values)))

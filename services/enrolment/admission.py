"""Applications decided together: one transaction and a fixed number of statements for a whole batch."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on, local_date
from services.chassis.refusals import N_, Refusal
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import ApplicationQueued, PlaceGiven
from services.enrolment import pricing, queueing, repository, seats, surroundings
from services.enrolment.domain.admission import (
    AGE_OF_MAJORITY,
    APPLICATION_ENDED,
    COURSE_UNKNOWN,
    PUPIL_UNKNOWN,
    Applicant,
    CourseState,
    Decision,
    Surroundings,
    decide,
)
from services.enrolment.domain.ceilings import Ceilings
from services.enrolment.domain.limits import Engagement, last_choice
from services.enrolment.domain.queue import QUEUE_DATE
from services.enrolment.domain.requests import NOTHING_CHOSEN, Answer, ApplicationRequest, Outcome
from services.enrolment.readers import readers

ID_TAKEN = Refusal(
    "application_id_taken",
    N_("This application id belongs to another application. Reload the form and send it again."),
)


@dataclass
class _Batch:
    """What is known while a batch is decided, and what came of it."""

    unit: Unit
    courses: dict[str, CourseState]
    pupils: dict[str, tuple[Applicant, sa.Row[Any]]]
    guardians: dict[str, list[str]]
    # Applications that are there, those of this batch too once decided: a second request finds them.
    by_id: dict[str, Mapping[str, Any]]
    active: dict[tuple[str, str], Mapping[str, Any]]
    engagements: dict[str, list[Engagement]]
    queue_dates: dict[tuple[str, str], datetime]
    ceilings: Ceilings
    # When the last of those who waited before joined the queue, by course.
    last_queued: dict[str, datetime]
    decided: list[tuple[ApplicationRequest, Decision, dict[str, Any]]] = field(default_factory=list)


def decide_applications(
    unit: Unit, requests: Sequence[ApplicationRequest], *, together: bool = False
) -> list[Answer]:
    """Decide in the order of arrival; an answer for each request, in the same order.

    Locks the courses once, in id order, before anything is judged, and those with them that the pupils wait
    for already: a place may end that. A request that is there already, by its
    id or as an active application of the pupil for the course, is answered with what was decided then.
    `together` where all of them get places or all wait.
    """
    batch = _load(unit, requests)
    waits = together and not _all_placed(batch, requests)
    answers = [_answer(batch, request, waits=waits) for request in requests]
    touched = {request.course_id for request, _, _ in batch.decided}
    repository.insert_applications(unit, [row for _, _, row in batch.decided])
    repository.note_events(
        unit,
        [
            (row["application_id"], row["applied_by"], row["state"], row["rule"])
            for _, _, row in batch.decided
        ],
    )
    repository.save_seats(unit, [batch.courses[course_id] for course_id in sorted(touched)])
    surroundings.keep_queue_dates(unit, _new_queue_dates(batch))
    surroundings.lose_queue_dates(unit, _used_queue_dates(batch))
    positions = _positions(batch)
    for request, decision, row in batch.decided:
        _record(batch, request, decision, row, positions)
    for request, decision, _ in batch.decided:
        if decision.state == "placed":
            course, others = batch.courses[request.course_id], batch.engagements[request.pupil_id]
            seats.leave_other_instruments(unit, others, course, batch.courses, request.by)
    return [_with_position(answer, positions) for answer in answers]


def _load(unit: Unit, requests: Sequence[ApplicationRequest]) -> _Batch:
    course_ids = {request.course_id for request in requests}
    pupil_ids = {request.pupil_id for request in requests}
    courses = repository.lock_courses_of(unit, pupil_ids, course_ids)
    asked = [course for course_id, course in courses.items() if course_id in course_ids]
    # From here on nobody protects, moves or merges them, or gives them another place.
    pupils = repository.applicants(unit, pupil_ids, lock=True)
    guardians = repository.guardians_of(unit, pupil_ids)
    connection = unit.connection
    ceilings = surroundings.load_ceilings(connection, {course.term_id for course in asked}, lock=True)
    surroundings.count_held(connection, asked)
    surroundings.find_blocked(connection, asked, ceilings, unit.today)
    existing = repository.existing_applications(
        unit, {request.application_id for request in requests}, course_ids, pupil_ids
    )
    return _Batch(
        unit,
        courses,
        pupils,
        guardians,
        {row.application_id: row._asdict() for row in existing},
        {(row.course_id, row.pupil_id): row._asdict() for row in existing if row.state != "ended"},
        surroundings.engagements_of(connection, pupil_ids),
        surroundings.queue_dates_of(connection, pupil_ids),
        ceilings,
        repository.last_queued(unit, [each.course_id for each in asked if each.waiting]),
    )


def _all_placed(batch: _Batch, requests: Sequence[ApplicationRequest]) -> bool:
    """Whether all would get places: tried on copies, so that nothing is taken."""
    trial = replace(
        batch,
        courses={name: replace(course, held=dict(course.held)) for name, course in batch.courses.items()},
        by_id=dict(batch.by_id),
        active=dict(batch.active),
        engagements={pupil: list(found) for pupil, found in batch.engagements.items()},
        ceilings=copy.deepcopy(batch.ceilings),
        decided=[],
    )
    answers = [_answer(trial, request) for request in requests]
    return all(isinstance(answer, Outcome) and answer.state == "placed" for answer in answers)


def _answer(batch: _Batch, request: ApplicationRequest, *, waits: bool = False) -> Answer:
    pupil = batch.pupils.get(request.pupil_id)
    if pupil is None or not _may_act(batch, request):
        return PUPIL_UNKNOWN
    course = batch.courses.get(request.course_id)
    if course is None:
        return COURSE_UNKNOWN
    before = _decided_before(batch, request)
    if before is not None:
        return before
    came_on = local_date(request.queued_at) if request.queued_at else batch.unit.today
    others = batch.engagements.setdefault(request.pupil_id, [])
    refusal = _refusal_of_chosen(batch, request, course)
    if refusal is not None:
        return refusal
    around = Surroundings(others, batch.ceilings, choice_of(request, course, others), waits)
    decision = decide(course, pupil[0], batch.unit.now, batch.unit.today, came_on, around=around)
    if isinstance(decision, Refusal):
        return decision
    row = {**_row(batch, request, decision, pupil[1]), "choice": around.choice}
    others.append(surroundings.engagement_in(course, row))
    batch.decided.append((request, decision, row))
    batch.by_id[request.application_id] = row
    batch.active[request.course_id, request.pupil_id] = row
    return _outcome(row, already=False)


def choice_of(
    request: ApplicationRequest, course: CourseState, engagements: Sequence[Engagement]
) -> int | None:
    """Which of the pupil's choices at the school it becomes, the last where it does not say; from 1."""
    last = last_choice(course.rule_book, course.lesson, engagements)
    return last if last is None or request.choice is None else min(request.choice, last)


def _refusal_of_chosen(batch: _Batch, request: ApplicationRequest, course: CourseState) -> Refusal | None:
    """Why the family may not rent or pay as it chose. Few choose as they apply: only theirs is read."""
    if request.chosen == NOTHING_CHOSEN:
        return None
    family = pricing.families_of(batch.unit.connection, [request.pupil_id])
    return pricing.refusal_of(family, batch.pupils[request.pupil_id][1], course, request.chosen)


def _may_act(batch: _Batch, request: ApplicationRequest) -> bool:
    """A guardian for its own children, a pupil for itself; staff's right is checked by the route."""
    if request.guardian_id is None or request.guardian_id == request.pupil_id:
        return True
    born_on = batch.pupils[request.pupil_id][0].born_on
    if age_on(born_on, batch.unit.today) >= AGE_OF_MAJORITY:
        return False  # the pupil decides
    return request.guardian_id in batch.guardians.get(request.pupil_id, ())


def _decided_before(batch: _Batch, request: ApplicationRequest) -> Answer | None:
    same_id = batch.by_id.get(request.application_id)
    if same_id is not None and (same_id["course_id"], same_id["pupil_id"]) != (
        request.course_id,
        request.pupil_id,
    ):
        return ID_TAKEN
    if same_id is not None and same_id["state"] == "ended":
        return APPLICATION_ENDED
    active = batch.active.get((request.course_id, request.pupil_id))
    return None if active is None else _outcome(active, already=True)


def _row(
    batch: _Batch, request: ApplicationRequest, decision: Decision, pupil: sa.Row[Any]
) -> dict[str, Any]:
    now = batch.unit.now
    of_age = age_on(pupil.born_on, batch.unit.today) >= AGE_OF_MAJORITY
    guardians = [] if of_age else batch.guardians.get(request.pupil_id, [])
    return {
        "application_id": request.application_id,
        "course_id": request.course_id,
        "pupil_id": request.pupil_id,
        # Whom letters go to: a pupil of age itself, also where staff entered the application.
        "guardian_id": request.guardian_id or (guardians[0] if guardians else request.pupil_id),
        "home_municipality": pupil.home_municipality,
        "state": decision.state,
        "outcome": None,
        "queued_at": _queue_date(batch, request),
        "rule": decision.rule,
        "basis": decision.basis,
        "explanation": json.dumps(decision.facts, sort_keys=True),
        "applied_by": request.by,
        "decided_at": now,
        "changed_at": now,
        "party_id": request.party_id,
        "rents": request.chosen.rents,
        "voucher_ore": request.chosen.voucher_ore,
    }


def _queue_date(batch: _Batch, request: ApplicationRequest) -> datetime:
    """The day the application came, or the pupil's queue date in the subject where that is earlier."""
    came_at = request.queued_at or _now_in_queue(batch, request.course_id)
    had = batch.queue_dates.get((request.pupil_id, batch.courses[request.course_id].subject))
    return came_at if had is None else min(came_at, had)


def _now_in_queue(batch: _Batch, course_id: str) -> datetime:
    """The time by which who is decided now stands behind all who were decided before.

    A microsecond apart: who came first in a batch is first in the queue, whatever id it made. Another process
    may have decided for the course after this unit began and before it had the lock.
    """
    now, last = batch.unit.now, batch.last_queued.get(course_id)
    if last is not None and last >= now:
        now = last + timedelta(microseconds=1)
    return now + timedelta(microseconds=len(batch.decided))


def _new_queue_dates(batch: _Batch) -> dict[tuple[str, str], datetime]:
    """What those who wait from now on have as their queue date in the subject, the earliest where several."""
    dates: dict[tuple[str, str], datetime] = {}
    for request, decision, row in batch.decided:
        key = (request.pupil_id, batch.courses[request.course_id].subject)
        if decision.state == "queued":
            dates[key] = min(row["queued_at"], dates.get(key, row["queued_at"]))
    return dates


def _used_queue_dates(batch: _Batch) -> set[tuple[str, str]]:
    """A place uses up the queue date of its subject."""
    placed = {
        (request.pupil_id, batch.courses[request.course_id].subject)
        for request, decision, _ in batch.decided
        if decision.state == "placed"
    }
    return placed & batch.queue_dates.keys()


def _outcome(row: Mapping[str, Any], *, already: bool) -> Outcome:
    return Outcome(
        application_id=row["application_id"],
        course_id=row["course_id"],
        pupil_id=row["pupil_id"],
        state=row["state"],
        rule=row["rule"],
        basis=row["basis"],
        already=already,
    )


def _positions(batch: _Batch) -> dict[str, int]:
    """Positions of what this batch queued, and of what it found waiting, by application id.

    Only a queue that somebody may have joined ahead of others is read: in the minute a period opens, when
    queues are long and all come to their end, reading them would be most of the work.
    """
    queued: dict[str, list[Mapping[str, Any]]] = {}
    for row in batch.active.values():
        if row["state"] == "queued" and row["course_id"] in batch.courses:
            queued.setdefault(row["course_id"], []).append(row)
    positions: dict[str, int] = {}
    unclear: dict[str, CourseState] = {}
    for course_id, rows in queued.items():
        course = batch.courses[course_id]
        if _came_last(batch, course, rows):
            in_turn = sorted(rows, key=lambda row: row["queued_at"])
            first = course.waiting - len(rows) + 1
            positions |= {row["application_id"]: first + n for n, row in enumerate(in_turn)}
        else:
            unclear[course_id] = course
    for queue in queueing.queues(batch.unit.connection, unclear, batch.unit.today).values():
        positions |= {each.application_id: position for position, each in enumerate(queue, start=1)}
    return positions


def _came_last(batch: _Batch, course: CourseState, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these joined a queue by date after everybody who waited before."""
    last = batch.last_queued.get(course.course_id)
    now = batch.unit.now
    return (
        course.rule_book.criteria[0] == QUEUE_DATE
        and (last is None or last < now)
        and all(row["queued_at"] >= now for row in rows)
    )


def _with_position(answer: Answer, positions: dict[str, int]) -> Answer:
    if isinstance(answer, Refusal) or answer.state != "queued":
        return answer
    return replace(answer, position=positions.get(answer.application_id))


def _record(
    batch: _Batch,
    request: ApplicationRequest,
    decision: Decision,
    row: dict[str, Any],
    positions: dict[str, int],
) -> None:
    """The fact of a decision; of a protected pupil it says neither who stands behind nor from where."""
    pupil = batch.pupils[request.pupil_id][1]
    course = batch.courses[request.course_id]
    common: dict[str, Any] = {
        "application_id": request.application_id,
        "course_id": request.course_id,
        "pupil_id": request.pupil_id,
        **readers(row["guardian_id"], pupil, batch.guardians.get(request.pupil_id, ()), batch.unit.today),
        "home_municipality": None if pupil.protected else row["home_municipality"],
        "host_municipality": course.terms.host.code,
        "term_id": course.term_id,
        "rule": decision.rule,
    }
    if decision.state == "placed":
        batch.unit.record(PlaceGiven(given_at=batch.unit.now, **common))
    else:
        position = positions[request.application_id]
        batch.unit.record(ApplicationQueued(queued_at=row["queued_at"], position=position, **common))

"""A round's result becomes places, queue positions and facts: the same as everybody's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.chassis.ids import derived_id
from services.chassis.storage.unit import Unit
from services.contracts.eligibility import basis_for_pupil
from services.contracts.enrolment import ApplicationQueued, PlaceGiven
from services.enrolment import repository, surroundings
from services.enrolment.domain.admission import ADMISSION_ROUND, Applicant, CourseState
from services.enrolment.readers import readers
from services.enrolment.tables import applications, courses, round_rankings, round_results, round_runs


def publish(unit: Unit, round_: sa.Row[Any], by: str) -> None:
    """Who got no place waits for the first of its wishes that no rule excludes."""
    results = _results(unit, round_.round_id)
    wanted = {row.pupil_id: row.course_id or _first_wish(row) for row in results}
    mine = {name for name in wanted.values() if name is not None}
    states = repository.lock_courses(unit, mine)
    people = repository.applicants(unit, set(wanted))
    before = {
        (row.course_id, row.pupil_id): row
        for row in unit.rows(
            sa.select(applications).where(
                applications.c.state != "ended", applications.c.pupil_id.in_(list(wanted))
            )
        )
    }
    new, lifted = [], []
    for row in results:
        course_id = wanted[row.pupil_id]
        if course_id is None:
            continue
        course = states[course_id]
        waits = before.get((course_id, row.pupil_id))
        if waits is None:
            new.append(_application(unit, round_, row, course, people[row.pupil_id]))
        elif row.course_id is not None and waits.state == "queued":
            course.waiting -= 1
            course.taken += 1
            lifted.append(waits)
    repository.insert_applications(unit, new)
    _lift(unit, lifted)
    events = [(row["application_id"], by, row["state"], ADMISSION_ROUND) for row in new]
    repository.note_events(
        unit, events + [(row.application_id, by, "placed", ADMISSION_ROUND) for row in lifted]
    )
    unit.execute(sa.update(courses).where(courses.c.course_id.in_(list(mine))).values(round_over=True))
    repository.save_seats(unit, states.values())
    _keep_queue_dates(unit, states, new, lifted)
    _record(unit, states, people, [*new, *(row._asdict() | {"state": "placed"} for row in lifted)])


def _results(unit: Unit, round_id: str) -> Sequence[sa.Row[Any]]:
    return unit.rows(
        sa.select(round_results, round_rankings.c.guardian_id, round_rankings.c.ranked_by)
        .join(round_runs, round_runs.c.run_id == round_results.c.run_id)
        .join(
            round_rankings,
            sa.and_(
                round_rankings.c.round_id == round_runs.c.round_id,
                round_rankings.c.pupil_id == round_results.c.pupil_id,
            ),
        )
        .where(round_runs.c.round_id == round_id, round_runs.c.kind == "final")
        .order_by(round_results.c.pupil_id)
    )


def _first_wish(row: sa.Row[Any]) -> str | None:
    return next((name for name, outcome, _ in json.loads(row.explanation) if outcome != "refused"), None)


def _application(
    unit: Unit,
    round_: sa.Row[Any],
    row: sa.Row[Any],
    course: CourseState,
    person: tuple[Applicant, sa.Row[Any]],
) -> dict[str, Any]:
    """Takes the seat, or the place in the queue, from `course`."""
    placed = row.course_id is not None
    course.taken += placed
    course.waiting += not placed
    return {
        "application_id": derived_id("round", round_.round_id, row.pupil_id),
        "course_id": course.course_id,
        "pupil_id": row.pupil_id,
        "guardian_id": row.guardian_id,
        "home_municipality": person[1].home_municipality,
        "state": "placed" if placed else "queued",
        "outcome": None,
        # All who ranked have the round's first day, whenever they did.
        "queued_at": round_.opened_at,
        "rule": ADMISSION_ROUND if placed else course.rule_book.order[0],
        "basis": basis_for_pupil(course.terms, course.rule_book, person[0].home, person[0].known).rule,
        "explanation": json.dumps({"round": round_.round_id, "wishes": json.loads(row.explanation)}),
        "applied_by": row.ranked_by,
        "decided_at": unit.now,
        "changed_at": unit.now,
    }


def _keep_queue_dates(
    unit: Unit, states: dict[str, CourseState], new: Sequence[dict[str, Any]], lifted: Sequence[sa.Row[Any]]
) -> None:
    """A place uses up the pupil's queue date in the subject; who waits has one from the round's first day."""
    placed = {(row["pupil_id"], states[row["course_id"]].subject) for row in new if row["state"] == "placed"}
    placed |= {(row.pupil_id, states[row.course_id].subject) for row in lifted}
    waits = {
        (row["pupil_id"], states[row["course_id"]].subject): row["queued_at"]
        for row in new
        if row["state"] == "queued"
    }
    surroundings.keep_queue_dates(unit, waits)
    surroundings.lose_queue_dates(unit, placed)


def _lift(unit: Unit, rows: Sequence[sa.Row[Any]]) -> None:
    """Who waited before the round and has a place now."""
    if rows:
        ids = [row.application_id for row in rows]
        more: dict[str, Any] = {"offered_at": unit.now}  # from now on it has the seat
        repository.change_state(unit, ids, "placed", rule=ADMISSION_ROUND, at=unit.now, **more)


def _record(
    unit: Unit,
    states: dict[str, CourseState],
    people: dict[str, tuple[Applicant, sa.Row[Any]]],
    rows: Sequence[dict[str, Any]],
) -> None:
    waited_for = {row["course_id"]: states[row["course_id"]] for row in rows if row["state"] == "queued"}
    positions = {
        each.application_id: position
        for queue in repository.queues(unit.connection, waited_for, unit.today).values()
        for position, each in enumerate(queue, start=1)
    }
    guardians = repository.guardians_of(unit, {row["pupil_id"] for row in rows})
    for row in rows:
        course, pupil = states[row["course_id"]], people[row["pupil_id"]][1]
        common: dict[str, Any] = {
            "application_id": row["application_id"],
            "course_id": row["course_id"],
            "pupil_id": row["pupil_id"],
            **readers(row["guardian_id"], pupil, guardians.get(row["pupil_id"], ()), unit.today),
            "home_municipality": None if pupil.protected else row["home_municipality"],
            "host_municipality": course.terms.host.code,
            "term_id": course.term_id,
        }
        if row["state"] == "placed":
            unit.record(PlaceGiven(given_at=unit.now, rule=ADMISSION_ROUND, **common))
        else:
            position = positions[row["application_id"]]
            unit.record(
                ApplicationQueued(queued_at=row["queued_at"], position=position, rule=row["rule"], **common)
            )

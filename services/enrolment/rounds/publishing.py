"""A round's result becomes places, queue positions and facts: the same as everybody's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import years_before
from services.chassis.ids import derived_id
from services.chassis.storage.unit import Unit
from services.contracts.eligibility import basis_for_pupil
from services.contracts.enrolment import ApplicationQueued, PlaceGiven
from services.enrolment import queueing, repository, seats, surroundings
from services.enrolment.domain.admission import (
    ADMISSION_ROUND,
    AGE_OF_MAJORITY,
    Applicant,
    CourseState,
    facts_of,
)
from services.enrolment.readers import readers
from services.enrolment.rounds.loading import courses_of
from services.enrolment.rounds.standing import Award, Standing, Told, awards, load_standing
from services.enrolment.tables import (
    courses,
    pupils,
    round_rankings,
    round_results,
    round_runs,
    round_wishes,
)


def publish(unit: Unit, round_: sa.Row[Any], by: str) -> None:
    """Who got no place waits for the first of its wishes that no rule excludes.

    From now on the round's courses give what seats are left singly, to those who wait for them first.
    """
    mine = courses_of(unit.connection, round_)
    rows = _results(unit, round_.round_id)
    ranked = {told[0] for row in rows for told in json.loads(row.explanation)}
    standing = load_standing(unit, rows, ranked | mine.keys())
    # As the courses were before the round gave a seat: it places everybody at once.
    before = {course_id: facts_of(course) for course_id, course in standing.states.items()}
    given, fell = awards(unit, standing, rows)
    if fell:
        _tell_what_fell(unit, fell, rows[0].run_id)
    guardians = repository.guardians_of(unit, {each.row.child for each in given})
    new = _new_applications(unit, round_, standing, given, guardians, before=before)
    repository.insert_applications(unit, new)
    lifted = [each.before for each in given if each.before is not None]
    _lift(unit, lifted)
    events = [(row["application_id"], by, row["state"], ADMISSION_ROUND) for row in new]
    repository.note_events(
        unit, events + [(row.application_id, by, "placed", ADMISSION_ROUND) for row in lifted]
    )
    unit.execute(sa.update(courses).where(courses.c.course_id.in_(list(mine))).values(round_over=True))
    states = standing.states
    for course_id in mine:
        states[course_id].round_over = True
    repository.save_seats(unit, [states[course_id] for course_id in sorted(ranked & states.keys())])
    _keep_queue_dates(unit, states, new, lifted)
    applied = [*new, *(row._asdict() | {"state": "placed"} for row in lifted)]
    _record(unit, states, standing.people, applied, guardians)
    _use_what_is_free(unit, standing, given, [states[course_id] for course_id in sorted(mine)], by)


def _use_what_is_free(
    unit: Unit, standing: Standing, given: Sequence[Award], mine: Sequence[CourseState], by: str
) -> None:
    """A place on one instrument ends the waits for others, and seats nobody got go to those who wait."""
    for each in given:
        if each.placed:
            others = standing.engagements.get(each.row.child, ())
            seats.leave_other_instruments(unit, others, each.course, standing.states, by)
    for course in mine:
        if course.waiting and course.taken < course.capacity:
            seats.offer_free_seats(unit, course, fresh=True)
            repository.save_seats(unit, [course])


def _results(unit: Unit, round_id: str) -> Sequence[sa.Row[Any]]:
    """The results that count, one a child: `child` is the pupil whose records its own became part of."""
    rows = unit.rows(
        sa.select(
            *(round_results, round_rankings.c.guardian_id, round_rankings.c.ranked_by),
            *(round_rankings.c.ranked_at, round_rankings.c.party_id),
            sa.func.coalesce(pupils.c.merged_into, pupils.c.pupil_id).label("child"),
        )
        .join(round_runs, round_runs.c.run_id == round_results.c.run_id)
        .join(
            round_rankings,
            sa.and_(
                round_rankings.c.round_id == round_runs.c.round_id,
                round_rankings.c.pupil_id == round_results.c.pupil_id,
            ),
        )
        .join(pupils, pupils.c.pupil_id == round_results.c.pupil_id)
        .where(round_runs.c.round_id == round_id, round_runs.c.kind == "final")
        .order_by(round_results.c.pupil_id)
    )
    counts: dict[str, sa.Row[Any]] = {}
    for row in rows:
        if row.child not in counts or (row.course_id is not None and counts[row.child].course_id is None):
            counts[row.child] = row
    return list(counts.values())


def _tell_what_fell(unit: Unit, fell: Mapping[str, Sequence[Told]], run_id: str) -> None:
    """The family reads why a place was not given after all; the result itself stays as the run made it."""
    for pupil_id, wishes in sorted(fell.items()):
        unit.execute(
            sa.update(round_results)
            .where(round_results.c.run_id == run_id, round_results.c.pupil_id == pupil_id)
            .values(explanation=json.dumps(wishes))
        )


def _new_applications(
    unit: Unit,
    round_: sa.Row[Any],
    standing: Standing,
    given: Sequence[Award],
    guardians: Mapping[str, Sequence[str]],
    *,
    before: Mapping[str, Mapping[str, object]],
) -> list[dict[str, Any]]:
    """Rows of the applications of those who had none on the course; `before` are the facts by course."""
    mine = round_wishes.c.round_id == round_.round_id
    days = {
        (row.pupil_id, row.course_id): row.ranked_on for row in unit.rows(sa.select(round_wishes).where(mine))
    }
    children = {each.row.child for each in given if not each.placed}
    dates = surroundings.queue_dates_of(unit.connection, children)
    together = Counter(each.row.party_id for each in given)
    new = []
    for each in given:
        if each.before is not None:
            continue
        row, course = each.row, each.course
        applicant, pupil = standing.people[row.child]
        ranked_on = days.get((row.pupil_id, course.course_id))
        is_late = ranked_on is not None and course.rule_book.times.apply_until.has_passed(
            course.terms.term_starts_on, ranked_on
        )
        # All who ranked in time have the round's first day, whenever they did, or an earlier queue date.
        came_at = row.ranked_at if is_late else round_.opened_at
        had = dates.get((row.child, course.subject), came_at)
        new.append(
            {
                "application_id": derived_id("round", round_.round_id, row.child),
                "course_id": course.course_id,
                "pupil_id": row.child,
                "guardian_id": _written_to(row, pupil, guardians.get(row.child, ()), unit.today),
                "home_municipality": pupil.home_municipality,
                "state": "placed" if each.placed else "queued",
                "outcome": None,
                "queued_at": min(came_at, had),
                "rule": ADMISSION_ROUND if each.placed else course.rule_book.criteria[0],
                "basis": basis_for_pupil(
                    course.terms, course.rule_book, applicant.home, applicant.known
                ).rule,
                "explanation": json.dumps(
                    {**before[course.course_id], "round": round_.round_id, "wishes": each.wishes}
                ),
                "applied_by": row.ranked_by,
                "decided_at": unit.now,
                "changed_at": unit.now,
                "party_id": row.party_id if together[row.party_id] > 1 else None,
                "choice": each.choice,
            }
        )
    return new


def _written_to(row: sa.Row[Any], pupil: sa.Row[Any], guardians: Sequence[str], today: date) -> str:
    """Whom letters go to: the guardian who ranked while it is one, and from 18 the pupil itself."""
    if pupil.born_on <= years_before(today, AGE_OF_MAJORITY):
        return str(pupil.pupil_id)
    if row.guardian_id in guardians or not guardians:
        return str(row.guardian_id)
    return guardians[0]


def _keep_queue_dates(
    unit: Unit,
    states: Mapping[str, CourseState],
    new: Sequence[dict[str, Any]],
    lifted: Sequence[sa.Row[Any]],
) -> None:
    """A place uses up the pupil's queue date in the subject; who waits has one from its application on."""
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
    states: Mapping[str, CourseState],
    people: Mapping[str, tuple[Applicant, sa.Row[Any]]],
    rows: Sequence[dict[str, Any]],
    guardians: Mapping[str, Sequence[str]],
) -> None:
    waited_for = {row["course_id"]: states[row["course_id"]] for row in rows if row["state"] == "queued"}
    positions = {
        each.application_id: position
        for queue in queueing.queues(unit.connection, waited_for, unit.today).values()
        for position, each in enumerate(queue, start=1)
    }
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

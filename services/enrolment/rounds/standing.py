"""What of a round's result stands when it is published: families and courses live on after the run."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.unit import Unit
from services.enrolment import repository, surroundings
from services.enrolment.domain.admission import Applicant, CourseState
from services.enrolment.domain.ceilings import Ceilings
from services.enrolment.domain.limits import HELD, Engagement, Wish, last_choice, refusal_by_limits
from services.enrolment.domain.round import FULL, OVER_CEILING, PLACED, REFUSED
from services.enrolment.rounds.frozen import thaw
from services.enrolment.tables import applications, round_runs

# (course, what became of the wish, the criterion or the refusal that decided)
Told = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Award:
    """A pupil's place on the course, or its place in the queue. `before` is the application it has there.

    `row` is of the results, with the pupil as `child`; `wishes` says what became of each wish by now.
    """

    row: sa.Row[Any]
    course: CourseState
    placed: bool
    wishes: Sequence[Told]
    before: sa.Row[Any] | None
    choice: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The locked courses, the children by their ids, and what they have by now; seats are taken from it."""

    states: Mapping[str, CourseState]
    people: Mapping[str, tuple[Applicant, sa.Row[Any]]]
    active: Mapping[tuple[str, str], sa.Row[Any]]
    engagements: Mapping[str, Sequence[Engagement]]
    ceilings: Ceilings

    def why_fallen(self, course_id: str, party: Sequence[sa.Row[Any]]) -> Told | None:
        """Why pupils who come together have no place on the course after all; None if they have."""
        course = self.states.get(course_id)
        if course is None or course.terms.cancelled:
            return course_id, REFUSED, "course_unknown"
        coming = [row.child for row in party if not self._holds(course_id, row.child)]
        for child in coming:
            refusal = self.refusal(course, child, gets_seat=True)
            if refusal is not None:
                return course_id, REFUSED, refusal
        if len(coming) > course.seats.free:
            return course_id, FULL, None
        homes = [self.people[child][1].home_municipality for child in coming]
        if any(self.ceilings.is_reached(home, course, homes.count(home)) for home in homes):
            return course_id, OVER_CEILING, None
        return None

    def _holds(self, course_id: str, child: str) -> bool:
        has = self.active.get((course_id, child))
        return has is not None and has.state in HELD

    def refusal(self, course: CourseState, child: str, *, gets_seat: bool) -> str | None:
        """The name of the limit by which the pupil may not have a seat, or wait for one; None if it may."""
        wish = Wish(course.course_id, course.terms.fee_kind, course.lesson, gets_seat)
        refusal = refusal_by_limits(course.rule_book, wish, self.engagements.get(child, ()))
        return None if refusal is None else refusal.name

    def take_seat(self, row: sa.Row[Any], wishes: Sequence[Told]) -> Award | None:
        """None for one who has the seat already, or an offer of it."""
        course, child = self.states[row.course_id], row.child
        if self._holds(row.course_id, child):
            return None
        before = self.active.get((row.course_id, child))
        home = self.people[child][1].home_municipality
        course.waiting -= before is not None
        course.take_seat(home)
        self.ceilings.use(home, course)
        return Award(row, course, True, wishes, before, self._choice(course, child))

    def wait(self, row: sa.Row[Any], wishes: Sequence[Told]) -> Award | None:
        """For the first wish that no rule excludes; None where there is none, or it waits there already."""
        for course_id, outcome, _ in wishes:
            course = self.states.get(course_id)
            if outcome == REFUSED or course is None or course.terms.cancelled:
                continue
            if (course_id, row.child) in self.active:
                return None
            if self.refusal(course, row.child, gets_seat=False) is None:
                course.waiting += 1
                return Award(row, course, False, wishes, None, self._choice(course, row.child))
        return None

    def _choice(self, course: CourseState, child: str) -> int | None:
        return last_choice(course.rule_book, course.lesson, self.engagements.get(child, ()))


def load_standing(unit: Unit, rows: Sequence[sa.Row[Any]], ranked: Collection[str]) -> Standing:
    """Locks the `ranked` courses, and with them those that the children have applications for: a place may
    end these."""
    children = {row.child for row in rows}
    states = repository.lock_courses_of(unit, children, ranked)
    active = unit.rows(
        sa.select(applications).where(
            applications.c.state != "ended", applications.c.pupil_id.in_(list(children))
        )
    )
    return Standing(
        states,
        repository.applicants(unit, children),
        {(row.course_id, row.pupil_id): row for row in active},
        surroundings.engagements_of(unit.connection, children),
        surroundings.load_ceilings(unit.connection, {each.term_id for each in states.values()}),
    )


def awards(
    unit: Unit, standing: Standing, rows: Sequence[sa.Row[Any]]
) -> tuple[list[Award], dict[str, Sequence[Told]]]:
    """What each child gets by now, and by the pupil of the result what is told of wishes that fell.

    The rows are the results of the run that counts.

    A place that a rule excludes by now, or for which there is no seat any more, is not given: the child waits
    as one without a place, and reads why. Siblings have one answer.
    """
    parties: dict[str, list[sa.Row[Any]]] = {}
    for row in rows:
        parties.setdefault(row.party_id, []).append(row)
    found: list[Award | None] = []
    fell: dict[str, Sequence[Told]] = {}
    for party in _in_turn(unit, standing, list(parties.values())):
        course_id = party[0].course_id
        fallen = None if course_id is None else standing.why_fallen(course_id, party)
        for row in party:
            wishes = [_by_now((name, what, why), fallen) for name, what, why in json.loads(row.explanation)]
            if course_id is not None and fallen is None:
                found.append(standing.take_seat(row, wishes))
            else:
                found.append(standing.wait(row, wishes))
            if fallen is not None:
                fell[row.pupil_id] = wishes
    return [each for each in found if each is not None], fell


def _by_now(told: Told, fallen: Told | None) -> Told:
    return fallen if fallen is not None and told[:2] == (fallen[0], PLACED) else told


def _in_turn(unit: Unit, standing: Standing, parties: list[list[sa.Row[Any]]]) -> Sequence[list[sa.Row[Any]]]:
    """Where a course has fewer seats than the run gave, those who come first in its order get them."""
    wanted: dict[str, int] = {}
    for party in parties:
        if party[0].course_id is not None:
            wanted[party[0].course_id] = wanted.get(party[0].course_id, 0) + len(party)
    states = standing.states
    if all(name in states and number <= states[name].seats.free for name, number in wanted.items()):
        return parties
    frozen = unit.connection.scalar(
        sa.select(round_runs.c.frozen).where(round_runs.c.run_id == parties[0][0].run_id)
    )
    keys = {
        (party.pupils[0], choice.course_id): choice.key
        for party in thaw(str(frozen)).parties
        for choice in party.choices
    }
    return sorted(
        parties, key=lambda party: keys.get((min(r.pupil_id for r in party), party[0].course_id), ())
    )

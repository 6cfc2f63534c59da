"""Loads a round's input, in a fixed number of statements however many have ranked."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on, local_date
from services.contracts.eligibility import (
    Known,
    Municipality,
    is_adult,
    refusal_for_pupil,
    refusal_to_apply,
)
from services.enrolment import repository
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.limits import HELD
from services.enrolment.domain.queue import Waiting, lot_of, rank_key
from services.enrolment.domain.round import LOTTERY, Choice, Party, RoundCourse, lottery_number
from services.enrolment.rounds.frozen import Problem
from services.enrolment.tables import applications, courses, pupils, round_rankings, round_wishes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def courses_of(connection: sa.Connection, round_: sa.Row[Any]) -> dict[str, CourseState]:
    """The round's courses by id: of its term and scope, with a rule book that gives places in rounds."""
    rows = connection.execute(
        repository.course_rows().where(
            courses.c.term_id == round_.term_id,
            courses.c.municipality_code.startswith(round_.scope),
            ~courses.c.cancelled,
        )
    )
    known = repository.known_municipalities(connection)
    states = (repository.course_state(row, known) for row in rows)
    return {state.course_id: state for state in states if state.rule_book.admission == "round"}


class _Loaded:
    """What keys are made of."""

    def __init__(self, connection: sa.Connection, round_: sa.Row[Any], today: date) -> None:
        self.round = round_
        self.today = today
        self.states = courses_of(connection, round_)
        self.known = repository.known_municipalities(connection)
        mine = sa.select(round_rankings.c.pupil_id).where(round_rankings.c.round_id == round_.round_id)
        self.pupils = {
            row.pupil_id: row
            for row in connection.execute(sa.select(pupils).where(pupils.c.pupil_id.in_(mine)))
        }
        self.facts = {pupil_id: repository.known_of(row) for pupil_id, row in self.pupils.items()}
        self.siblings = repository.siblings_on_course(connection, self.states)
        self.orders = {name: repository.queue_order(state, today) for name, state in self.states.items()}
        active = connection.execute(
            sa.select(
                applications.c.pupil_id,
                applications.c.course_id,
                applications.c.state,
                applications.c.queued_at,
                courses.c.municipality_code,
            )
            .join(courses, courses.c.course_id == applications.c.course_id)
            .where(applications.c.state != "ended", applications.c.pupil_id.in_(mine))
        ).all()
        held = [row for row in active if row.state in HELD]
        self.has = {(row.pupil_id, row.course_id) for row in held}
        self.schools = {(row.pupil_id, row.municipality_code) for row in held}
        self.queued_at = {(r.pupil_id, r.course_id): r.queued_at for r in active if r.state == "queued"}
        starts_on = {state.terms.term_starts_on for state in self.states.values()}
        # All courses of a round are of one term, so a pupil has one age.
        self.ages = {
            each.pupil_id: age_on(each.born_on, day) for each in self.pupils.values() for day in starts_on
        }
        # Of thousands of pupils many are the same in all that rules go by.
        self._refusals: dict[tuple[object, ...], str | None] = {}
        self._keys: dict[tuple[object, ...], tuple[int, ...]] = {}

    def refusal(self, pupil_id: str, course_id: str) -> str | None:
        """Why a wish that was right when it was ranked is not any more."""
        course = self.states.get(course_id)
        if course is None:
            return "course_unknown"
        if (pupil_id, course_id) in self.has:
            return "has_place_already"
        known = self.facts[pupil_id]
        home = self.pupils[pupil_id].home_municipality
        same = (course_id, home, self.ages[pupil_id], *_what_decides(course, known))
        if same not in self._refusals:
            self._refusals[same] = self._refusal(course, home, self.ages[pupil_id], known)
        return self._refusals[same]

    def _refusal(self, course: CourseState, code: str, age: int, known: Known) -> str | None:
        home = self.known.get(code) or Municipality(code, code, None, None)
        refusal = refusal_to_apply(course.terms, course.rule_book, self.today) or refusal_for_pupil(
            course.terms, course.rule_book, home, age, self.today, known=known
        )
        return refusal.name if refusal else None

    def key(self, pupil_id: str, course: CourseState) -> tuple[int, ...]:
        """By the rule book's order. Within a round nobody gains by ranking early: all have its first day,
        unless they wait for the course since before."""
        host, book, starts_on = course.terms.host.code, course.rule_book, course.terms.term_starts_on
        row, age = self.pupils[pupil_id], self.ages[pupil_id]
        queued_at = self.queued_at.get((pupil_id, course.course_id), self.round.opened_at)
        lives_in_host = row.home_municipality == host
        waiting = Waiting(
            application_id="",
            queued_at=queued_at,
            age=age,
            lives_in_host=lives_in_host,
            has_place_at_school=(pupil_id, host) in self.schools,
            is_adult=is_adult(book, age, starts_on, self.facts[pupil_id]),
            moved_in_and_played=lives_in_host and row.moved_on is not None and row.played_before,
            is_late=book.times.apply_until.has_passed(starts_on, local_date(queued_at)),
            has_sibling_on_course=(pupil_id, course.course_id) in self.siblings,
            draw=lot_of(book, course.course_id, pupil_id) if "lottery" in book.order else "",
        )
        same = (waiting, self.orders[course.course_id])
        if same not in self._keys:
            self._keys[same] = tuple(_number(value) for value in rank_key(*same))
        return self._keys[same]


def _what_decides(course: CourseState, known: Known) -> tuple[object, ...]:
    """What of a pupil beside home and age may decide: the day of birth only where the book asks for it."""
    rules = course.rule_book.eligibility
    by_day = rules.born_from is not None or rules.born_to is not None
    born = known.born_on if by_day or known.born_on is None else known.born_on.year
    later = (known.leaves_upper_secondary, known.later_limit)
    return (born, known.school_municipality, known.is_teacher, *later)


def load_problem(connection: sa.Connection, round_: sa.Row[Any], today: date) -> Problem:
    loaded = _Loaded(connection, round_, today)
    wishes: dict[str, list[str]] = {}
    for row in connection.execute(
        sa.select(round_wishes.c.pupil_id, round_wishes.c.course_id)
        .where(round_wishes.c.round_id == round_.round_id)
        .order_by(round_wishes.c.pupil_id, round_wishes.c.position)
    ):
        wishes.setdefault(row.pupil_id, []).append(row.course_id)
    refused: dict[tuple[str, str], str] = {}
    parties = [
        _party(loaded, members, wishes.get(members[0], ()), refused)
        for members in _parties(connection, round_.round_id)
    ]
    reserved: dict[str, int] = json.loads(round_.reserved)
    return Problem(
        {
            name: RoundCourse(name, max(0, state.capacity - state.taken), reserved)
            for name, state in loaded.states.items()
        },
        parties,
        {name: (*order, LOTTERY) for name, order in loaded.orders.items()},
        refused,
    )


def _parties(connection: sa.Connection, round_id: str) -> list[tuple[str, ...]]:
    """The pupils of each party by id, and the parties by their first pupil: the same whatever comes first."""
    members: dict[str, list[str]] = {}
    for row in connection.execute(
        sa.select(round_rankings.c.party_id, round_rankings.c.pupil_id)
        .where(round_rankings.c.round_id == round_id)
        .order_by(round_rankings.c.pupil_id)
    ):
        members.setdefault(row.party_id, []).append(row.pupil_id)
    return sorted(tuple(each) for each in members.values())


def _party(
    loaded: _Loaded,
    members: tuple[str, ...],
    wishes: Iterable[str],
    refused: dict[tuple[str, str], str],
) -> Party:
    lot = lottery_number(loaded.round.seed, members)
    choices = []
    for course_id in wishes:
        reasons = [(each, loaded.refusal(each, course_id)) for each in members]
        refused |= {(each, course_id): reason for each, reason in reasons if reason is not None}
        if all(reason is None for _, reason in reasons):
            course = loaded.states[course_id]
            # Siblings are as far ahead as the one of them who is least far.
            key = max([loaded.key(pupil_id, course) for pupil_id in members])
            choices.append(Choice(course_id, (*key, lot)))
    homes = {loaded.pupils[pupil_id].home_municipality for pupil_id in members}
    return Party(members, homes.pop() if len(homes) == 1 else None, tuple(choices))


def _number(value: object) -> int:
    """What the order goes by as a whole number, so that a frozen key is the same everywhere."""
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, date):
        return value.toordinal()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return int(value or "0", 16)  # a lot
    raise TypeError(f"no criterion of a round: {value!r}")


def ranked_pupils(connection: sa.Connection, round_id: str, pupil_ids: Collection[str]) -> set[str]:
    """All pupils of the parties that any of these pupils is in."""
    party_ids = sa.select(round_rankings.c.party_id).where(
        round_rankings.c.round_id == round_id, round_rankings.c.pupil_id.in_(list(pupil_ids))
    )
    return set(
        connection.scalars(
            sa.select(round_rankings.c.pupil_id).where(
                round_rankings.c.round_id == round_id, round_rankings.c.party_id.in_(party_ids)
            )
        )
    )

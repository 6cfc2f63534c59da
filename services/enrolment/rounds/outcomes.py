"""What a round came to: its runs, one beside another, and the children who have no place."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.contracts.fact import LocalText
from services.enrolment import repository
from services.enrolment.domain.admission import CourseState
from services.enrolment.queries import Pupil, pupil_of
from services.enrolment.rounds.queries import Round, rounds_where
from services.enrolment.tables import (
    applications,
    courses,
    pupils,
    round_results,
    round_runs,
    rounds,
    terms,
)


@dataclass(frozen=True, slots=True)
class Run:
    """`by_wish` counts pupils by the wish they got, from 1; `without` those with none, by home municipality.

    Pupils with protected identity count under the empty code: a number could point at one of them.
    """

    run_id: str
    kind: str
    run_at: datetime
    digest: str
    placed: int
    by_wish: Mapping[int, int]
    without: Mapping[str, int]


def runs_of(connection: sa.Connection, round_id: str) -> list[Run]:
    """The runs of a round, the newest first."""
    rows = connection.execute(
        sa.select(round_runs.c.run_id, round_runs.c.kind, round_runs.c.run_at, round_runs.c.digest)
        .where(round_runs.c.round_id == round_id)
        .order_by(round_runs.c.run_at.desc(), round_runs.c.run_id)
    ).all()
    counted: dict[str, list[Any]] = {}
    home = sa.case((pupils.c.protected, ""), else_=pupils.c.home_municipality).label("home_municipality")
    wish = round_results.c.wish
    for row in connection.execute(
        sa.select(round_results.c.run_id, home, wish, sa.func.count().label("number"))
        .join(pupils, pupils.c.pupil_id == round_results.c.pupil_id)
        .where(round_results.c.run_id.in_([row.run_id for row in rows]))
        .group_by(round_results.c.run_id, home, wish)
    ):
        counted.setdefault(row.run_id, []).append(row)
    return [_run(row, counted.get(row.run_id, ())) for row in rows]


def _run(row: Any, counted: Sequence[sa.Row[Any]]) -> Run:
    by_wish: Counter[int] = Counter()
    without: Counter[str] = Counter()
    for each in counted:
        if each.wish is None:
            without[each.home_municipality] += each.number
        else:
            by_wish[each.wish] += each.number
    return Run(
        **row._asdict(),
        placed=by_wish.total(),
        by_wish=dict(sorted(by_wish.items())),
        without=dict(sorted(without.items())),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many pupils are better or worse off in one run than in another.

    `by_course` is (course id, places before, places after) where they differ.
    """

    same: int
    better: int
    worse: int
    gained_a_place: int
    lost_a_place: int
    by_course: Sequence[tuple[str, int, int]] = ()


def compare(connection: sa.Connection, before: str, after: str) -> Comparison:
    """Two runs of a round, pupil by pupil; who ranked in one of them only is passed over."""
    first, second = _results(connection, before), _results(connection, after)
    counts: Counter[str] = Counter()
    for pupil_id in first.keys() & second.keys():
        counts[_change(first[pupil_id][1], second[pupil_id][1])] += 1
    names = ("same", "better", "worse", "gained_a_place", "lost_a_place")
    was, now = (Counter(course for course, _ in each.values()) for each in (first, second))
    changed = [
        (course_id, was[course_id], now[course_id])
        for course_id in sorted({each for each in (*was, *now) if each is not None})
        if was[course_id] != now[course_id]
    ]
    return Comparison(**{name: counts[name] for name in names}, by_course=changed)


def _change(before: int | None, after: int | None) -> str:
    if before == after:
        return "same"
    if before is None or after is None:
        return "gained_a_place" if before is None else "lost_a_place"
    return "better" if after < before else "worse"


def _results(connection: sa.Connection, run_id: str) -> dict[str, tuple[str | None, int | None]]:
    """(course, wish) by pupil."""
    rows = connection.execute(
        sa.select(round_results.c.pupil_id, round_results.c.course_id, round_results.c.wish).where(
            round_results.c.run_id == run_id
        )
    )
    return {row.pupil_id: (row.course_id, row.wish) for row in rows}


@dataclass(frozen=True, slots=True)
class WithoutPlace:
    """A child that ranked and has no place: what each wish came to, and where it waits by now.

    `wishes` are (course, outcome, criterion); `waits` are (application id, course).
    """

    pupil: Pupil
    wishes: Sequence[tuple[str, str, str | None]]
    waits: Sequence[tuple[str, str]]


CHILDREN_A_PAGE = 100


def page_without(
    connection: sa.Connection, found: Round, runs: Sequence[Run], page: int
) -> tuple[int, list[WithoutPlace]]:
    """How many have no place by the newest of the runs, and those on the page, which counts from 1."""
    if not runs:
        return 0, []
    run_id, skipped = runs[0].run_id, (page - 1) * CHILDREN_A_PAGE
    number = count_without(connection, found, run_id)
    return number, without_place(connection, found, run_id, CHILDREN_A_PAGE, skipped)


def count_without(connection: sa.Connection, found: Round, run_id: str) -> int:
    """How many `without_place` lists."""
    of_run = _results_with_child().where(round_results.c.run_id == run_id, _has_none(found))
    return connection.scalar(sa.select(sa.func.count()).select_from(of_run.subquery())) or 0


def without_place(
    connection: sa.Connection, found: Round, run_id: str, limit: int, offset: int = 0
) -> list[WithoutPlace]:
    """The children of a run who got no place; once it is published, those who have none by now.

    They ranked the courses of those who read this, as others apply for them. A pupil with protected identity
    stands under its alias, without a home.
    """
    # Where a protected pupil stands in the list says nothing of where it lives.
    home = sa.case((pupils.c.protected, ""), else_=pupils.c.home_municipality)
    name = sa.case((pupils.c.protected, pupils.c.alias), else_=pupils.c.given_name)
    rows = connection.execute(
        _results_with_child()
        .where(round_results.c.run_id == run_id, _has_none(found))
        .order_by(pupils.c.protected, home, name, pupils.c.pupil_id)
        .limit(limit)
        .offset(offset)
    ).all()
    waits: dict[str, list[tuple[str, str]]] = {}
    waiting = sa.and_(
        _of_term(found.term_id, found.scope),
        applications.c.state == "queued",
        applications.c.pupil_id.in_([row.pupil_id for row in rows]),
    )
    for each in connection.execute(
        sa.select(applications.c.application_id, applications.c.pupil_id, applications.c.course_id)
        .join(courses, courses.c.course_id == applications.c.course_id)
        .where(waiting)
        .order_by(applications.c.queued_at, applications.c.application_id)
    ):
        waits.setdefault(each.pupil_id, []).append((each.application_id, each.course_id))
    known = repository.known_municipalities(connection)
    return [
        WithoutPlace(
            pupil_of(row, known),
            [tuple(each) for each in json.loads(row.explanation)],
            waits.get(row.pupil_id, ()),
        )
        for row in rows
    ]


def own_without_place(connection: sa.Connection, municipality: str, today: date) -> list[tuple[Round, Pupil]]:
    """The municipality's own children who ranked in published rounds of terms to come, and have no place.

    Nowhere in the term, since a place at another school is one. Without those whose identity is protected: to
    be on this list says where one lives.
    """
    rows = connection.execute(
        _results_with_child()
        .add_columns(round_runs.c.round_id)
        .join(round_runs, round_runs.c.run_id == round_results.c.run_id)
        .join(rounds, rounds.c.round_id == round_runs.c.round_id)
        .join(terms, terms.c.term_id == rounds.c.term_id)
        .where(
            rounds.c.state == "published",
            round_runs.c.kind == "final",
            terms.c.ends_on >= today,
            pupils.c.home_municipality == municipality,
            ~pupils.c.protected,
            ~_holds(_of_term(rounds.c.term_id, "")),
        )
        .order_by(pupils.c.given_name, pupils.c.family_name, pupils.c.pupil_id)
    ).all()
    mine = rounds.c.round_id.in_({row.round_id for row in rows})
    by_id = {each.round_id: each for each in rounds_where(connection, mine)}
    known = repository.known_municipalities(connection)
    return [(by_id[row.round_id], pupil_of(row, known)) for row in rows]


def _results_with_child() -> sa.Select[Any]:
    """Results with the pupil, or with the one whose record its own became a part of."""
    ranked = pupils.alias()
    return (
        sa.select(pupils, round_results.c.explanation)
        .select_from(round_results)
        .join(ranked, ranked.c.pupil_id == round_results.c.pupil_id)
        .join(pupils, pupils.c.pupil_id == sa.func.coalesce(ranked.c.merged_into, ranked.c.pupil_id))
    )


def _has_none(found: Round) -> sa.ColumnElement[bool]:
    if found.state == "published":
        return ~_holds(_of_term(found.term_id, found.scope))
    return round_results.c.course_id.is_(None)


def _holds(of_term: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether the pupil has a place or an offer."""
    return sa.exists(
        sa.select(sa.literal(1))
        .select_from(applications)
        .join(courses, courses.c.course_id == applications.c.course_id)
        .where(
            applications.c.pupil_id == pupils.c.pupil_id,
            applications.c.state.in_(("placed", "offered")),
            of_term,
        )
        .correlate(pupils, rounds)
    )


def _of_term(term_id: Any, scope: str) -> sa.ColumnElement[bool]:
    """Courses of the term at the schools of the scope."""
    return sa.and_(courses.c.term_id == term_id, courses.c.municipality_code.startswith(scope))


@dataclass(frozen=True, slots=True)
class FreeCourse:
    """A course of the round with seats that nobody has."""

    course_id: str
    title: LocalText
    free: int


def free_courses(states: Mapping[str, CourseState], names: Mapping[str, LocalText]) -> list[FreeCourse]:
    """Courses of the round on which a seat is free and nobody waits, in the order of the names."""
    free = {key: each.capacity - each.taken for key, each in states.items() if not each.waiting}
    return [FreeCourse(key, names[key], free[key]) for key in names if free.get(key, 0) > 0]

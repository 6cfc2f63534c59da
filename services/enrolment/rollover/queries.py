"""What staff read of a rollover: the terms, the dry run course by course, and what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.contracts.fact import LocalText
from services.enrolment.domain.rollover import CONTINUES, KINDS, STAYS, Effect, counted, plan
from services.enrolment.queries import pupil_of
from services.enrolment.repository import known_municipalities
from services.enrolment.rollover.loading import load
from services.enrolment.tables import courses, pupils, rollover_effects, rollovers, terms


@dataclass(frozen=True, slots=True)
class Happening:
    """An effect with the pupil's name, or its alias."""

    effect: Effect
    name: str

    @property
    def goes_by_itself(self) -> bool:
        """Nobody has to look at it twice: it goes on, or nothing happens."""
        return self.effect.kind in (CONTINUES, STAYS) and not self.effect.rental_ends


@dataclass(frozen=True, slots=True)
class CourseEffects:
    """What happens on one course. `capacity`, `taken` and `waiting` are the next course's afterwards."""

    title: LocalText
    next_title: LocalText | None
    capacity: int
    taken: int
    waiting: int
    counts: Mapping[str, int]
    happenings: Sequence[Happening]


@dataclass(frozen=True, slots=True)
class DryRun:
    term_id: str
    term: LocalText
    digest: str
    counts: Mapping[str, int]
    courses: Sequence[CourseEffects]

    @property
    def has_work(self) -> bool:
        return any(kind != STAYS for kind in self.counts)


def dry_run(connection: sa.Connection, term_id: str, scope: str, today: date) -> DryRun:
    """What a rollover would do now. Nothing is written. Raises Refused."""
    loaded = load(connection, term_id, scope, today)
    planned = plan(loaded.given)
    known = known_municipalities(connection)
    names = {row.pupil_id: pupil_of(row, known).name for row in loaded.rows.values()}
    titles = _titles(connection)
    grouped: dict[str, list[Effect]] = {}
    for effect in planned.effects:
        grouped.setdefault(effect.from_course, []).append(effect)
    shown = []
    for course_id in sorted(grouped, key=lambda each: (titles[each].sv, each)):
        # Who waits for the next course already is listed with it.
        next_id = loaded.given.continued.get(course_id, course_id)
        after = planned.courses.get(next_id or "")
        shown.append(
            CourseEffects(
                titles[course_id],
                titles[next_id] if next_id else None,
                after.capacity if after else 0,
                after.taken if after else 0,
                after.waiting if after else 0,
                counted(grouped[course_id]),
                _happenings(grouped[course_id], names),
            )
        )
    counts = counted(planned.effects)
    return DryRun(term_id, _term_names(connection)[term_id], loaded.given.digest, counts, shown)


# What needs an eye first: what ends, and last what goes on by itself.
_TURNS = {kind: n for n, kind in enumerate(("ends", "confirm", "offered", "waits", "continues", "stays"))}


def _happenings(effects: Iterable[Effect], names: Mapping[str, str]) -> list[Happening]:
    found = [Happening(each, names[each.pupil_id]) for each in effects]
    return sorted(found, key=lambda each: (_TURNS[each.effect.kind], each.name, each.effect.application_id))


def _titles(connection: sa.Connection) -> dict[str, LocalText]:
    query = sa.select(courses.c.course_id, courses.c.title_sv, courses.c.title_en)
    return {row.course_id: LocalText(row.title_sv, row.title_en) for row in connection.execute(query)}


def _term_names(connection: sa.Connection) -> dict[str, LocalText]:
    return {row.term_id: LocalText(row.name_sv, row.name_en) for row in connection.execute(sa.select(terms))}


@dataclass(frozen=True, slots=True)
class TermToSettle:
    """A term in which courses continue others; `left` is how many of them are not settled yet."""

    term_id: str
    term: LocalText
    starts_on: date
    left: int


def terms_to_settle(connection: sa.Connection, scope: str, today: date) -> list[TermToSettle]:
    """The terms that are not over and go on with courses of the term before, the earliest first."""
    left = sa.func.count().filter(~courses.c.carried_over)
    rows = connection.execute(
        sa.select(terms, left.label("left"))
        .join(courses, courses.c.term_id == terms.c.term_id)
        .where(
            courses.c.continues.is_not(None),
            courses.c.municipality_code.startswith(scope),
            ~courses.c.cancelled,
            terms.c.ends_on >= today,
        )
        .group_by(*terms.c)
        .order_by(terms.c.starts_on)
    )
    return [
        TermToSettle(row.term_id, LocalText(row.name_sv, row.name_en), row.starts_on, row.left)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Rollover:
    """One that was done: by whom, when and why, and how many effects of each kind it had."""

    rollover_id: str
    term_id: str
    term: LocalText
    scope: str
    digest: str
    why: str
    run_by: str
    run_at: datetime
    counts: Mapping[str, int]


def rollovers_of(connection: sa.Connection, scope: str) -> list[Rollover]:
    """The newest first; of a municipality, or of a county's all."""
    rows = connection.execute(
        sa.select(rollovers)
        .where(rollovers.c.scope.startswith(scope))
        .order_by(rollovers.c.run_at.desc(), rollovers.c.rollover_id)
    ).all()
    counts: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        sa.select(rollover_effects.c.rollover_id, rollover_effects.c.kind, sa.func.count().label("number"))
        .where(rollover_effects.c.rollover_id.in_([row.rollover_id for row in rows]))
        .group_by(rollover_effects.c.rollover_id, rollover_effects.c.kind)
    ):
        counts.setdefault(row.rollover_id, {})[row.kind] = row.number
    names = _term_names(connection)
    return [_rollover(row, names, counts.get(row.rollover_id, {})) for row in rows]


def _rollover(row: sa.Row[Any], names: Mapping[str, LocalText], counts: Mapping[str, int]) -> Rollover:
    about = ("rollover_id", "term_id", "scope", "digest", "why", "run_by", "run_at")
    in_order = {kind: counts[kind] for kind in KINDS if kind in counts}
    values = {name: getattr(row, name) for name in about}
    return Rollover(term=names[row.term_id], counts=in_order, **values)


def scope_of_rollover(connection: sa.Connection, rollover_id: str) -> str | None:
    return connection.scalar(sa.select(rollovers.c.scope).where(rollovers.c.rollover_id == rollover_id))


def effects_of(connection: sa.Connection, rollover_id: str) -> list[tuple[LocalText, list[Happening]]]:
    """What a rollover did, by course of the term before."""
    query: sa.Select[Any] = (
        sa.select(rollover_effects, pupils.c.alias, pupils.c.given_name, pupils.c.family_name)
        .join(pupils, pupils.c.pupil_id == rollover_effects.c.pupil_id)
        .where(rollover_effects.c.rollover_id == rollover_id)
    )
    titles, names = _titles(connection), {}
    grouped: dict[str, list[Effect]] = {}
    for row in connection.execute(query):
        grouped.setdefault(row.from_course, []).append(
            Effect(
                row.application_id,
                row.pupil_id,
                row.from_course,
                row.to_course,
                row.kind,
                row.reason,
                row.answer_by,
                row.rental_ends,
            )
        )
        names[row.pupil_id] = row.alias or f"{row.given_name} {row.family_name}"
    in_order = sorted(grouped, key=lambda course_id: (titles[course_id].sv, course_id))
    return [(titles[course_id], _happenings(grouped[course_id], names)) for course_id in in_order]

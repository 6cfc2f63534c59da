"""Loads a round's input, in a fixed number of statements however many have ranked."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on, local_date
from services.contracts.eligibility import (
    Known,
    Municipality,
    is_adult,
    refusal_for_pupil,
)
from services.enrolment import queueing, repository, surroundings
from services.enrolment.domain.admission import CourseState, refusal_of_period
from services.enrolment.domain.ceilings import fee_of
from services.enrolment.domain.limits import HELD, Wish, refusal_by_limits
from services.enrolment.domain.queue import Waiting, lot_of, rank_key
from services.enrolment.domain.round import LOTTERY, Choice, Party, RoundCeiling, RoundCourse, lottery_number
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


# What of a pupil may decide; thousands of pupils are alike in all of it.
_Kind = tuple[object, ...]
# A course, and the day from which it is wished for: by that one is judged whether the wish came in time.
_Wished = tuple[str, date]
# The refusal of a wish, or the wish's key.
_Verdict = tuple[str | None, tuple[int, ...]]


class _Loaded:
    """What keys are made of. What is found out for one pupil holds for all of its kind."""

    def __init__(self, connection: sa.Connection, round_: sa.Row[Any], today: date) -> None:
        self.round = round_
        self.today = today
        self.states = courses_of(connection, round_)
        self.known = repository.known_municipalities(connection)
        mine = sa.select(round_rankings.c.pupil_id).where(round_rankings.c.round_id == round_.round_id)
        self.opened_on = local_date(round_.opened_at)
        self._load_applications(connection, mine)
        self.schools = queueing.schools_of(connection, mine)
        self.queue_dates = surroundings.queue_dates_of(connection, mine)
        surroundings.count_held(connection, self.states.values())
        self.siblings = queueing.siblings_on_course(connection, self.states)
        self.orders = {name: queueing.queue_order(state, today) for name, state in self.states.items()}
        # All courses of a round are of one term, so a pupil has one age.
        self.starts_on = max((state.terms.term_starts_on for state in self.states.values()), default=today)
        self._load_pupils(connection, mine)
        self._verdicts: dict[_Kind, dict[_Wished, _Verdict]] = {}

    def _load_applications(self, connection: sa.Connection, mine: sa.Select[Any]) -> None:
        active = connection.execute(
            sa.select(
                applications.c.pupil_id,
                applications.c.course_id,
                applications.c.state,
                applications.c.queued_at,
            ).where(applications.c.state != "ended", applications.c.pupil_id.in_(mine))
        ).all()
        self.has = {(row.pupil_id, row.course_id) for row in active if row.state in HELD}
        self.queued_at = {(r.pupil_id, r.course_id): r.queued_at for r in active if r.state == "queued"}
        self.engagements = surroundings.engagements_of(connection, {row.pupil_id for row in active})

    def _load_pupils(self, connection: sa.Connection, mine: sa.Select[Any]) -> None:
        """The home and the kind of each pupil. Who has applications, queue dates or siblings on courses is of
        its own."""
        rules = [state.rule_book.eligibility for state in self.states.values()]
        by_day = any(each.born_from is not None or each.born_to is not None for each in rules)
        alone = self.engagements.keys() | {pupil for pupil, _ in (*self.siblings, *self.queue_dates)}
        ages: dict[date, int] = {}
        self.homes: dict[str, str] = {}
        self.kinds: dict[str, _Kind] = {}
        for row in connection.execute(
            sa.select(
                *(pupils.c.pupil_id, pupils.c.home_municipality, pupils.c.born_on),
                *(pupils.c.school_municipality, pupils.c.leaves_upper_secondary, pupils.c.later_limit),
                *(pupils.c.is_teacher, pupils.c.moved_on, pupils.c.played_before),
            ).where(pupils.c.pupil_id.in_(mine))
        ):
            pupil_id, home, born_on, school, leaves, later, teacher, moved_on, played = row
            if born_on not in ages:
                ages[born_on] = age_on(born_on, self.starts_on)
            # The day of birth decides only where a rule book asks for it; else any day of the year will do.
            born = born_on if by_day else date(born_on.year, 1, 1)
            self.homes[pupil_id] = home
            self.kinds[pupil_id] = (
                *(home, ages[born_on], born, school, leaves, later, teacher),
                *(moved_on is not None and played, pupil_id if pupil_id in alone else ""),
            )

    def verdicts_of(self, pupil_id: str) -> dict[_Wished, _Verdict]:
        """By course and day, as far as found out, of the pupil's kind."""
        return self._verdicts.setdefault(self.kinds[pupil_id], {})

    def find_out(self, pupil_id: str, course_id: str, ranked_on: date) -> _Verdict:
        """Why a wish that was right when it was ranked is not any more, or where it stands in the order.

        Whether it came in time goes by the day on which the family ranked it, however late the round is run.
        """
        course = self.states.get(course_id)
        if course is None:
            return "course_unknown", ()
        if (pupil_id, course_id) in self.has:
            return "has_place_already", ()
        code, age, born_on, school, leaves, later, teacher, _, _ = self.kinds[pupil_id]
        known = Known(born_on, school, leaves, later, teacher)  # type: ignore[arg-type]  # parts of a kind
        home = self.known.get(str(code)) or Municipality(str(code), str(code), None, None)
        wish = Wish(course_id, course.terms.fee_kind, course.lesson, gets_seat=True)
        refusal = (
            refusal_of_period(course, self.today, ranked_on)
            or refusal_for_pupil(course.terms, course.rule_book, home, int(str(age)), self.today, known=known)
            or refusal_by_limits(course.rule_book, wish, self.engagements.get(pupil_id, ()))
        )
        return (refusal.name, ()) if refusal else (None, self._key(pupil_id, course, known, ranked_on))

    def _key(self, pupil_id: str, course: CourseState, known: Known, ranked_on: date) -> tuple[int, ...]:
        """By the rule book's order. Within a round nobody gains by ranking early: all have its first day,
        unless they have an earlier queue date, there or in its subject. A lot is drawn by `_party`."""
        host, book, starts_on = course.terms.host.code, course.rule_book, course.terms.term_starts_on
        home, age, *_, moved_in_and_played, _ = self.kinds[pupil_id]
        first = self.round.opened_at
        waits_since = self.queued_at.get((pupil_id, course.course_id))
        came_on = ranked_on if waits_since is None else min(ranked_on, local_date(waits_since))
        waiting = Waiting(
            application_id="",
            queued_at=min(waits_since or first, self.queue_dates.get((pupil_id, course.subject), first)),
            age=int(str(age)),
            lives_in_host=home == host,
            has_place_at_school=queueing.takes_part(self.schools.get((pupil_id, host)), course.terms),
            is_adult=is_adult(book, int(str(age)), starts_on, known),
            moved_in_and_played=home == host and bool(moved_in_and_played),
            is_late=book.times.apply_until.has_passed(starts_on, came_on),
            has_sibling_on_course=(pupil_id, course.course_id) in self.siblings,
        )
        return tuple(_number(value) for value in rank_key(waiting, self.orders[course.course_id]))


def load_problem(connection: sa.Connection, round_: sa.Row[Any], today: date) -> Problem:
    loaded = _Loaded(connection, round_, today)
    wishes: dict[str, list[_Wished]] = {}
    for pupil_id, course_id, ranked_on in connection.execute(
        sa.select(round_wishes.c.pupil_id, round_wishes.c.course_id, round_wishes.c.ranked_on)
        .where(round_wishes.c.round_id == round_.round_id)
        .order_by(round_wishes.c.pupil_id, round_wishes.c.position)
    ):
        found = wishes.get(pupil_id)
        if found is None:
            wishes[pupil_id] = [(course_id, ranked_on or loaded.opened_on)]
        else:
            found.append((course_id, ranked_on or loaded.opened_on))
    refused: dict[tuple[str, str], str] = {}
    parties = [
        _party(loaded, members, wishes.get(members[0], ()), refused)
        for members in _parties(connection, round_.round_id)
    ]
    typed: dict[str, int] = json.loads(round_.reserved)
    ceilings = _ceilings(connection, round_.term_id)
    return Problem(
        {
            name: RoundCourse(
                name,
                max(0, state.seats.free),
                reserved_seats(state, typed, today),
                state.terms.host.code,
                fee_of(state),
            )
            for name, state in loaded.states.items()
        },
        parties,
        {name: (*order, LOTTERY) for name, order in loaded.orders.items()},
        refused,
        ceilings,
        {pupil_id: home for pupil_id, home in loaded.homes.items() if home in ceilings},
    )


def reserved_seats(state: CourseState, typed: Mapping[str, int], today: date) -> dict[str, int]:
    """The seats that a municipality's own pupils get first on the course: the rule book's, as far as its
    pupils do not have them already, and in place of those what staff `typed` for the round."""
    kept = {
        each.municipality_code: max(0, each.seats - state.held.get(each.municipality_code, 0))
        for each in state.rule_book.ordering.reserved_seats
        if not each.until.has_passed(state.terms.term_starts_on, today)
    }
    return {code: seats for code, seats in {**kept, **typed}.items() if seats}


def _ceilings(connection: sa.Connection, term_id: str) -> dict[str, RoundCeiling]:
    """What is left of what each home municipality pays for elsewhere in the term."""
    limits = surroundings.load_ceilings(connection, [term_id]).by_home_and_term
    return {
        home: RoundCeiling(
            None if each.most_places is None else max(0, each.most_places - each.used_places),
            None if each.most_ore is None else max(0, each.most_ore - each.used_ore),
        )
        for (home, _), each in limits.items()
    }


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
    wishes: Iterable[_Wished],
    refused: dict[tuple[str, str], str],
) -> Party:
    lot = lottery_number(loaded.round.seed, members)
    verdicts = [loaded.verdicts_of(each) for each in members]
    choices = []
    for wished in wishes:
        course_id, ranked_on = wished
        keys = []
        for pupil_id, known in zip(members, verdicts, strict=True):
            verdict = known.get(wished)
            if verdict is None:
                verdict = known[wished] = loaded.find_out(pupil_id, course_id, ranked_on)
            reason, key = verdict
            if reason is None:
                keys.append(key)
            else:
                refused[pupil_id, course_id] = reason
        if len(keys) == len(members):
            if LOTTERY in loaded.orders[course_id]:
                keys = [
                    _with_lot(loaded, each, course_id, key) for each, key in zip(members, keys, strict=True)
                ]
            # Siblings are as far ahead as the one of them who is least far.
            choices.append(Choice(course_id, (*max(keys), lot)))
    homes = {loaded.homes[pupil_id] for pupil_id in members}
    return Party(members, homes.pop() if len(homes) == 1 else None, tuple(choices))


def _with_lot(loaded: _Loaded, pupil_id: str, course_id: str, key: tuple[int, ...]) -> tuple[int, ...]:
    """The key with the pupil's own lot where the rule book's order draws one."""
    at = loaded.orders[course_id].index(LOTTERY)
    lot = lot_of(loaded.states[course_id].rule_book, course_id, pupil_id)
    return (*key[:at], int(lot, 16), *key[at + 1 :])


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

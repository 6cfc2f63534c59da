"""What enrolment's pages and API read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import years_before
from services.chassis.refusals import Refusal
from services.contracts.eligibility import (
    Municipality,
)
from services.contracts.fact import LocalText
from services.contracts.price import Price, PriceFacts, WithdrawalCost, full_price, takes_voucher
from services.enrolment import commands, pricing, queueing, repository
from services.enrolment.disputes import is_disputed
from services.enrolment.domain.admission import AGE_OF_MAJORITY, CourseState
from services.enrolment.domain.queue import ahead_by_kind, lot_of
from services.enrolment.domain.requests import is_readable
from services.enrolment.tables import (
    application_events,
    applications,
    courses,
    guardians,
    guardianships,
    pupils,
)


@dataclass(frozen=True, slots=True)
class Course:
    """A course as enrolment's pages show it. `weekday` is 1 for Monday; times are local."""

    course_id: str
    title: LocalText
    school_name: str
    municipality_code: str
    term: LocalText
    weekday: int
    starts_at: str
    minutes: int
    first_lesson_on: date
    room: str
    min_age: int
    max_age: int
    capacity: int
    taken: int
    waiting: int
    cancelled: bool
    # Seats of those who are on the course in the term before, until it is settled who of them continues.
    kept: int = 0

    @property
    def free(self) -> int:
        """Seats nobody holds, nobody waits for, and that are kept for nobody."""
        return 0 if self.waiting else max(0, self.capacity - self.taken - self.kept)


_SAME_COURSE = (
    *("course_id", "school_name", "municipality_code", "weekday", "starts_at", "minutes", "room"),
    *("first_lesson_on", "min_age", "max_age", "capacity", "taken", "waiting", "cancelled"),
)


def course_of(row: sa.Row[Any]) -> Course:
    """From a row of `repository.course_rows`."""
    return Course(
        title=LocalText(row.title_sv, row.title_en),
        term=LocalText(row.term_sv, row.term_en),
        kept=repository.kept_seats(row),
        **{name: getattr(row, name) for name in _SAME_COURSE},
    )


def course(connection: sa.Connection, course_id: str) -> tuple[Course, CourseState] | None:
    if not is_readable(course_id):
        return None
    row = connection.execute(repository.course_rows([course_id])).first()
    if row is None:
        return None
    return course_of(row), repository.course_state(row, repository.known_municipalities(connection))


def host_of_course(connection: sa.Connection, course_id: str) -> str | None:
    if not is_readable(course_id):
        return None
    return connection.scalar(sa.select(courses.c.municipality_code).where(courses.c.course_id == course_id))


def municipality_names(connection: sa.Connection) -> dict[str, str]:
    return {code: each.name for code, each in repository.known_municipalities(connection).items()}


@dataclass(frozen=True, slots=True)
class Pupil:
    pupil_id: str
    name: str
    given_name: str
    born_on: date
    home: Municipality
    protected: bool


def pupil_of(row: sa.Row[Any], known: Mapping[str, Municipality]) -> Pupil:
    """Under the alias where the identity is protected."""
    code = row.home_municipality
    return Pupil(
        row.pupil_id,
        row.alias or f"{row.given_name} {row.family_name}",
        row.alias or row.given_name,
        row.born_on,
        known.get(code) or Municipality(code, code, None, None),
        row.protected,
    )


def pupils_of(connection: sa.Connection, person_id: str, today: date) -> list[Pupil]:
    """The children a guardian applies for, or the pupil itself, by name.

    A guardian's access ends on the day the pupil turns 18: from then on the pupil decides.
    """
    mine = sa.select(guardianships.c.pupil_id).where(guardianships.c.guardian_id == person_id)
    under_age = pupils.c.born_on > years_before(today, AGE_OF_MAJORITY)
    rows = connection.execute(
        sa.select(pupils)
        .where(sa.or_(sa.and_(pupils.c.pupil_id.in_(mine), under_age), pupils.c.pupil_id == person_id))
        .order_by(pupils.c.given_name, pupils.c.pupil_id)
    )
    known = repository.known_municipalities(connection)
    return [pupil_of(row, known) for row in rows]


@dataclass(frozen=True, slots=True)
class Application:
    """An application with its course and pupil; `position` where it waits.

    `ahead` counts who stands before it, by the criterion of the rule book that puts them there.
    """

    application_id: str
    state: str
    outcome: str | None
    rule: str
    basis: str
    explanation: dict[str, Any]
    queued_at: datetime
    decided_at: datetime
    changed_at: datetime
    pupil: Pupil
    guardian_name: str | None
    course: Course
    price: Price | None
    position: int | None
    answer_by: date | None = None
    declines: int = 0
    # Of a queue position that was carried over: the last day to confirm it.
    renew_by: date | None = None
    ahead: dict[str, int] = field(default_factory=dict)
    choice: int | None = None
    party_id: str | None = None
    rents: str | None = None
    voucher_ore: int = 0
    # What one may choose beside the course.
    instruments: tuple[str, ...] = ()
    takes_voucher: bool = False
    # The pupil's lot for the course, where the rule book's order draws one.
    lot: str | None = None
    # Two guardians answered the offer differently, and the school has not settled it.
    is_disputed: bool = False

    @property
    def fee_ore(self) -> int | None:
        return None if self.price is None else self.price.total_ore

    @property
    def is_active(self) -> bool:
        return self.state != "ended"

    @property
    def wishes(self) -> Sequence[tuple[str, str, str | None]]:
        """What a round came to for each wish: (course, outcome, criterion); none without a round."""
        return [tuple(each) for each in self.explanation.get("wishes", ())]


def applications_where(connection: sa.Connection, today: date, *conditions: Any) -> list[Application]:
    """Applications with all that is shown of them, in queue order a course. Eleven statements at most."""
    rows = connection.execute(
        sa.select(applications, guardians.c.name.label("guardian_name"), is_disputed().label("is_disputed"))
        .outerjoin(guardians, guardians.c.guardian_id == applications.c.guardian_id)
        .where(*conditions)
        .order_by(applications.c.queued_at, applications.c.application_id)
    ).all()
    if not rows:
        return []
    known = repository.known_municipalities(connection)
    course_rows = connection.execute(repository.course_rows({row.course_id for row in rows})).all()
    states = {row.course_id: repository.course_state(row, known) for row in course_rows}
    shown = {row.course_id: course_of(row) for row in course_rows}
    pupil_rows = {
        row.pupil_id: row
        for row in connection.execute(
            sa.select(pupils).where(pupils.c.pupil_id.in_({row.pupil_id for row in rows}))
        )
    }
    family = pricing.families_of(connection, pupil_rows.keys())
    standing = _standing(connection, rows, states, today)
    return [
        Application(
            **{name: getattr(row, name) for name in _SAME},
            explanation=json.loads(row.explanation),
            pupil=pupil_of(pupil_rows[row.pupil_id], known),
            guardian_name=row.guardian_name,
            course=shown[row.course_id],
            price=_price(row, pupil_rows[row.pupil_id], family, states[row.course_id]),
            position=standing.get(row.application_id, _NOT_WAITING)[0],
            ahead=standing.get(row.application_id, _NOT_WAITING)[1],
            instruments=tuple(pricing.instruments_of(states[row.course_id])),
            lot=_lot(row, states[row.course_id]),
            takes_voucher=_takes_voucher(pupil_rows[row.pupil_id], states[row.course_id]),
        )
        for row in rows
    ]


_SAME = (
    *("application_id", "state", "outcome", "rule", "basis", "queued_at", "decided_at", "changed_at"),
    *("answer_by", "declines", "choice", "party_id", "rents", "voucher_ore", "renew_by", "is_disputed"),
)
_NOT_WAITING: tuple[int | None, dict[str, int]] = (None, {})


def _price(row: sa.Row[Any], pupil: sa.Row[Any], family: pricing.Family, state: CourseState) -> Price | None:
    """As of the day it was decided."""
    joined_on, chosen = pricing.joined_on(row), pricing.chosen_with(row)
    facts = pricing.price_facts(family, pupil, state, row.application_id, joins_on=joined_on, chosen=chosen)
    return full_price(state.terms, state.rule_book, facts)


def _lot(row: sa.Row[Any], state: CourseState) -> str | None:
    drawn = "lottery" in state.rule_book.order
    return lot_of(state.rule_book, row.course_id, row.pupil_id) if drawn else None


def _takes_voucher(pupil: sa.Row[Any], state: CourseState) -> bool:
    turns = state.terms.term_starts_on.year - pupil.born_on.year
    return takes_voucher(state.rule_book, PriceFacts(turns, turns_in_year=turns))


def _standing(
    connection: sa.Connection, rows: Sequence[sa.Row[Any]], states: Mapping[str, CourseState], today: date
) -> dict[str, tuple[int | None, dict[str, int]]]:
    """By application that waits: its position, and how many stand before it by which criterion."""
    asked = {row.application_id for row in rows if row.state == "queued"}
    queued = {row.course_id: states[row.course_id] for row in rows if row.state == "queued"}
    found: dict[str, tuple[int | None, dict[str, int]]] = {}
    for course_id, queue in queueing.queues(connection, queued, today).items():
        order = queueing.queue_order(states[course_id], today)
        for position, waiting in enumerate(queue, start=1):
            if waiting.application_id in asked:
                ahead = ahead_by_kind(waiting.application_id, queue, order)
                found[waiting.application_id] = (position, ahead)
    return found


def applications_of_person(connection: sa.Connection, person_id: str, today: date) -> list[Application]:
    mine = [pupil.pupil_id for pupil in pupils_of(connection, person_id, today)]
    return applications_where(connection, today, applications.c.pupil_id.in_(mine))


def application(connection: sa.Connection, application_id: str, today: date) -> Application | None:
    found = applications_where(connection, today, applications.c.application_id == application_id)
    return found[0] if found else None


def application_of_person(
    connection: sa.Connection, application_id: str, person_id: str, today: date
) -> Application | None:
    """The application, if it is of one of the person's pupils."""
    if not is_readable(application_id):
        return None
    mine = [pupil.pupil_id for pupil in pupils_of(connection, person_id, today)]
    found = applications_where(
        connection,
        today,
        applications.c.application_id == application_id,
        applications.c.pupil_id.in_(mine),
    )
    return found[0] if found else None


def host_of_application(connection: sa.Connection, application_id: str) -> str | None:
    return connection.scalar(
        sa.select(courses.c.municipality_code)
        .join(applications, applications.c.course_id == courses.c.course_id)
        .where(applications.c.application_id == application_id)
    )


def withdrawal(
    connection: sa.Connection, application_id: str, person_id: str, today: date
) -> tuple[Refusal | None, WithdrawalCost | None]:
    """Why the person may not withdraw, and what it would cost today where the rule book says so."""
    row = connection.execute(
        sa.select(applications).where(applications.c.application_id == application_id)
    ).one()
    found = course(connection, row.course_id)
    if found is None:
        return None, None
    refusal = commands.refusal_to_withdraw(connection, row, found[1].rule_book, person_id, today)
    return refusal, pricing.withdrawal_cost(connection, row, found[1], today)


def events(connection: sa.Connection, application_id: str) -> Sequence[Any]:
    """Who did what, when and why; of a protected pupil not which guardian, only that one did."""
    by = application_events.c.by
    hidden = [
        (sa.and_(pupils.c.protected, by.startswith(f"{role}:")), role) for role in ("guardian", "pupil")
    ]
    return connection.execute(
        sa.select(
            application_events.c.at,
            application_events.c.what,
            application_events.c.why,
            sa.case(*hidden, else_=by).label("by"),
        )
        .join(applications, applications.c.application_id == application_events.c.application_id)
        .join(pupils, pupils.c.pupil_id == applications.c.pupil_id)
        .where(application_events.c.application_id == application_id)
        .order_by(application_events.c.at, application_events.c.event_id)
    ).all()


def participants(connection: sa.Connection, course_id: str, today: date) -> list[Application]:
    """Everybody who has, is offered or waits for a place on the course."""
    order = {"placed": 0, "offered": 1, "queued": 2}
    found = applications_where(
        connection, today, applications.c.course_id == course_id, applications.c.state != "ended"
    )
    return sorted(found, key=lambda each: (order[each.state], each.position or 0, each.pupil.name))


def courses_of_school(connection: sa.Connection, municipality: str) -> list[Course]:
    """The courses a municipality hosts (two digits: a county's all), those with a queue first."""
    rows = connection.execute(
        repository.course_rows()
        .where(courses.c.municipality_code.startswith(municipality))
        .order_by(None)
        .order_by(courses.c.waiting.desc(), courses.c.title_sv, courses.c.course_id)
    )
    return [course_of(row) for row in rows]


def pupils_elsewhere(connection: sa.Connection, municipality: str, today: date) -> list[Application]:
    """The municipality's own pupils who have, are offered or wait for a place in another one."""
    found = applications_where(
        connection,
        today,
        applications.c.state != "ended",
        applications.c.home_municipality.startswith(municipality),
        applications.c.course_id.in_(
            sa.select(courses.c.course_id).where(
                courses.c.municipality_code != applications.c.home_municipality
            )
        ),
    )
    return sorted(found, key=lambda each: (each.course.school_name, each.course.title.sv, each.pupil.name))

"""The facts a price goes by, read from a family's places: which course and which child it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on, local_date
from services.contracts.eligibility import is_adult
from services.contracts.price import PriceFacts, WithdrawalCost, cost_of_withdrawal
from services.enrolment import repository, surroundings
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.limits import Engagement
from services.enrolment.tables import guardianships, pupils


@dataclass(frozen=True, slots=True)
class Family:
    """The active applications of some pupils and of their brothers and sisters, by pupil."""

    siblings: Mapping[str, frozenset[str]]
    engagements: Mapping[str, Sequence[Engagement]]


def families_of(connection: sa.Connection, pupil_ids: Collection[str]) -> Family:
    """Children of one guardian are brothers and sisters. Two statements.

    No address is kept here, so those of a school that counts by address are counted by guardian too.
    """
    mine, theirs = guardianships.alias("mine"), guardianships.alias("theirs")
    siblings: dict[str, set[str]] = {pupil_id: set() for pupil_id in pupil_ids}
    for row in connection.execute(
        sa.select(mine.c.pupil_id, theirs.c.pupil_id.label("sibling_id"))
        .join(theirs, theirs.c.guardian_id == mine.c.guardian_id)
        .where(mine.c.pupil_id.in_(list(pupil_ids)), mine.c.pupil_id != theirs.c.pupil_id)
    ):
        siblings[row.pupil_id].add(row.sibling_id)
    everybody = set(pupil_ids).union(*siblings.values())
    frozen = {pupil_id: frozenset(found) for pupil_id, found in siblings.items()}
    return Family(frozen, surroundings.engagements_of(connection, everybody))


def price_facts(
    family: Family,
    pupil: sa.Row[Any],
    course: CourseState,
    application_id: str | None = None,
    joins_on: date | None = None,
) -> PriceFacts:
    """For an application, or one that would be made now. Places at the school in the term count.

    They are numbered in the order in which they were decided: a place keeps its price when another comes.
    """
    term_starts_on = course.terms.term_starts_on
    age = age_on(pupil.born_on, term_starts_on)
    held = {
        person: _held_before(family.engagements.get(person, ()), course, None)
        for person in family.siblings.get(pupil.pupil_id, frozenset())
    }
    mine = _held_before(family.engagements.get(pupil.pupil_id, ()), course, application_id)
    others = [
        each
        for each in _held_before(family.engagements.get(pupil.pupil_id, ()), course, None)
        if each.application_id != application_id
    ]
    return PriceFacts(
        age=age,
        is_adult=is_adult(course.rule_book, age, term_starts_on, repository.known_of(pupil)),
        turns_in_year=term_starts_on.year - pupil.born_on.year,
        home_code=pupil.home_municipality,
        course_number=1 + len(mine),
        child_number=1 + _children_before(held, family, pupil.pupil_id, course),
        other_kinds=tuple(each.fee_kind for each in others),
        is_new_pupil=not _was_here(family.engagements.get(pupil.pupil_id, ()), course, application_id),
        joins_on=joins_on,
        has_relief=pupil.has_relief,
    )


def _here(engagements: Sequence[Engagement], course: CourseState) -> list[Engagement]:
    """The places at the course's school in its term; they come in the order in which they were decided."""
    return [
        each
        for each in engagements
        if each.is_held
        and (each.lesson.host_code, each.lesson.term_id) == (course.terms.host.code, course.term_id)
    ]


def _held_before(
    engagements: Sequence[Engagement], course: CourseState, application_id: str | None
) -> list[Engagement]:
    """Those decided before the application; all, where there is none yet or it waits."""
    found = _here(engagements, course)
    before = [each.application_id for each in found]
    return found[: before.index(application_id)] if application_id in before else found


def _children_before(
    siblings: Mapping[str, list[Engagement]], family: Family, pupil_id: str, course: CourseState
) -> int:
    """Brothers and sisters whose first place was decided before the pupil's own first one."""
    order = [each.application_id for each in _by_decision(family, course)]
    mine = _here(family.engagements.get(pupil_id, ()), course)
    first = order.index(mine[0].application_id) if mine else len(order)
    return sum(bool(found) and order.index(found[0].application_id) < first for found in siblings.values())


def _by_decision(family: Family, course: CourseState) -> list[Engagement]:
    held = [each for found in family.engagements.values() for each in _here(found, course)]
    return sorted(held, key=lambda each: (each.decided_at, each.application_id))


def _was_here(engagements: Sequence[Engagement], course: CourseState, application_id: str | None) -> bool:
    """Has a place at the school in another term, or another one in this."""
    return any(
        each.is_held
        and each.lesson.host_code == course.terms.host.code
        and each.application_id != application_id
        for each in engagements
    )


def withdrawal_cost(
    connection: sa.Connection, application: sa.Row[Any], course: CourseState, today: date
) -> WithdrawalCost | None:
    """What it costs to give up the application today; nothing while it is no place."""
    if application.state != "placed":
        return None
    pupil = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == application.pupil_id)).one()
    family = families_of(connection, [pupil.pupil_id])
    facts = price_facts(family, pupil, course, application.application_id)
    decided_on = local_date(application.offered_at or application.decided_at)
    return cost_of_withdrawal(course.terms, course.rule_book, facts, today, decided_on)

"""The facts a price goes by, read from a family's places: which course and which child it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on, local_date
from services.chassis.refusals import N_, Refusal
from services.chassis.storage.unit import Unit
from services.contracts.eligibility import is_adult
from services.contracts.price import PriceFacts, WithdrawalCost, cost_of_withdrawal, refusal_of_chosen
from services.contracts.rule_book import RuleBook
from services.contracts.rule_dates import AUTUMN, season_of
from services.enrolment import repository, surroundings
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.ceilings import fee_of_kind
from services.enrolment.domain.limits import Engagement
from services.enrolment.domain.requests import NOTHING_CHOSEN, Chosen
from services.enrolment.tables import applications, courses, guardianships, pupils, rule_books, terms
from services.enrolment.words import INSTRUMENTS


@dataclass(frozen=True, slots=True)
class AboutCourse:
    """The fee of its kind by its own rule book, in öre, and the first day of its term."""

    fee_ore: int
    term_starts_on: date


@dataclass(frozen=True, slots=True)
class Family:
    """Some pupils with their brothers and sisters and, by pupil, their applications and what they rented.

    `siblings` are children of one guardian, `at_address` those who live with the pupil. `rentals` are
    pairs of host municipality and the first day of the term. `courses` are those of the engagements.
    """

    siblings: Mapping[str, frozenset[str]]
    at_address: Mapping[str, frozenset[str]]
    engagements: Mapping[str, Sequence[Engagement]]
    rentals: Mapping[str, Sequence[tuple[str, date]]]
    born_on: Mapping[str, date]
    courses: Mapping[str, AboutCourse]

    def children_with(self, pupil_id: str, rule_book: RuleBook) -> frozenset[str]:
        """Who counts as the pupil's brothers and sisters by the rule book."""
        counted = self.at_address if rule_book.pricing.siblings_by == "address" else self.siblings
        return counted.get(pupil_id, frozenset())


def families_of(connection: sa.Connection, pupil_ids: Collection[str]) -> Family:
    """Six statements, fewer where nobody has anything.

    No address is kept here. Two pupils live at one address where staff recorded so; of whom nothing is
    recorded, where they have a guardian and a home municipality in common.
    """
    siblings: dict[str, set[str]] = {pupil_id: set() for pupil_id in pupil_ids}
    at_address: dict[str, set[str]] = {pupil_id: set() for pupil_id in pupil_ids}
    mine, theirs = pupils.alias("mine"), pupils.alias("theirs")
    ours, others = guardianships.alias(), guardianships.alias()
    by_guardian = (
        sa.select(mine, theirs.c.pupil_id.label("sibling_id"))
        .add_columns(theirs.c.home_municipality.label("their_home"), theirs.c.household.label("theirs"))
        .join(ours, ours.c.pupil_id == mine.c.pupil_id)
        .join(others, others.c.guardian_id == ours.c.guardian_id)
        .join(theirs, theirs.c.pupil_id == others.c.pupil_id)
        .where(mine.c.pupil_id.in_(list(pupil_ids)), mine.c.pupil_id != theirs.c.pupil_id)
    )
    for row in connection.execute(by_guardian):
        siblings[row.pupil_id].add(row.sibling_id)
        if row.household is None and row.theirs is None and row.home_municipality == row.their_home:
            at_address[row.pupil_id].add(row.sibling_id)
    for row in connection.execute(
        sa.select(mine.c.pupil_id, theirs.c.pupil_id.label("sibling_id"))
        .join(theirs, theirs.c.household == mine.c.household)
        .where(mine.c.pupil_id.in_(list(pupil_ids)), mine.c.pupil_id != theirs.c.pupil_id)
    ):
        at_address[row.pupil_id].add(row.sibling_id)
    everybody = set(pupil_ids).union(*siblings.values(), *at_address.values())
    engagements = surroundings.engagements_of(connection, everybody)
    return Family(
        {pupil_id: frozenset(found) for pupil_id, found in siblings.items()},
        {pupil_id: frozenset(found) for pupil_id, found in at_address.items()},
        engagements,
        _rentals_of(connection, pupil_ids),
        _births_of(connection, everybody),
        _about_courses(connection, {each.course_id for found in engagements.values() for each in found}),
    )


def _births_of(connection: sa.Connection, pupil_ids: Collection[str]) -> dict[str, date]:
    if not pupil_ids:
        return {}
    born = sa.select(pupils.c.pupil_id, pupils.c.born_on).where(pupils.c.pupil_id.in_(list(pupil_ids)))
    return {row.pupil_id: row.born_on for row in connection.execute(born)}


def _about_courses(connection: sa.Connection, course_ids: Collection[str]) -> dict[str, AboutCourse]:
    if not course_ids:
        return {}
    rows = connection.execute(
        sa.select(courses.c.course_id, courses.c.fee_kind, terms.c.starts_on, rule_books.c.document)
        .join(terms, terms.c.term_id == courses.c.term_id)
        .join(rule_books, rule_books.c.rule_book_id == courses.c.rule_book_id)
        .where(courses.c.course_id.in_(list(course_ids)))
    )
    return {
        row.course_id: AboutCourse(
            fee_of_kind(repository.rule_book_from(row.document), row.fee_kind), row.starts_on
        )
        for row in rows
    }


def _rentals_of(connection: sa.Connection, pupil_ids: Collection[str]) -> dict[str, list[tuple[str, date]]]:
    """What the pupils have rented with places of theirs, those that ended included."""
    found: dict[str, list[tuple[str, date]]] = {}
    for row in connection.execute(
        sa.select(applications.c.pupil_id, courses.c.municipality_code, terms.c.starts_on)
        .join(courses, courses.c.course_id == applications.c.course_id)
        .join(terms, terms.c.term_id == courses.c.term_id)
        .where(
            applications.c.pupil_id.in_(list(pupil_ids)),
            applications.c.rents.is_not(None),
            sa.or_(applications.c.state == "placed", applications.c.price.is_not(None)),
        )
        .distinct()
    ):
        found.setdefault(row.pupil_id, []).append((row.municipality_code, row.starts_on))
    return found


def _school_year(term_starts_on: date) -> int:
    """By the calendar year of its autumn term."""
    return term_starts_on.year if season_of(term_starts_on) == AUTUMN else term_starts_on.year - 1


def price_facts(
    family: Family,
    pupil: sa.Row[Any],
    course: CourseState,
    application_id: str | None = None,
    *,
    joins_on: date | None = None,
    chosen: Chosen = NOTHING_CHOSEN,
) -> PriceFacts:
    """For an application, or one that would be made now. Places at the school in the term count.

    They are numbered in the order of `_turn`, so that a place keeps its price when another comes. A place of
    a kind that is no step by the rule book is the first course of the first child, whatever else there is.
    """
    term_starts_on = course.terms.term_starts_on
    age = age_on(pupil.born_on, term_starts_on)
    counts = _counts(course.rule_book, course.terms.fee_kind)
    here = _here(family.engagements.get(pupil.pupil_id, ()), course)
    others = [each for each in here if each.application_id != application_id]
    rented = [day for host, day in family.rentals.get(pupil.pupil_id, ()) if host == course.terms.host.code]
    before = [day for day in rented if day < term_starts_on]
    # What is for teachers costs what the book says, and not what adults pay where there is space.
    for_teachers = course.rule_book.is_for_teachers(course.terms.fee_kind)
    years = {_school_year(day) for day in before}
    return PriceFacts(
        age=age,
        is_adult=not for_teachers
        and is_adult(course.rule_book, age, term_starts_on, repository.known_of(pupil)),
        turns_in_year=term_starts_on.year - pupil.born_on.year,
        home_code=pupil.home_municipality,
        course_number=1 + (_courses_before(family, pupil.pupil_id, course, application_id) if counts else 0),
        child_number=1 + (_children_before(family, pupil.pupil_id, course) if counts else 0),
        other_kinds=tuple(each.fee_kind for each in others),
        is_new_pupil=not _was_here(family, pupil.pupil_id, course),
        joins_on=joins_on,
        has_relief=pupil.has_relief,
        rents=chosen.rents,
        rented_school_years=len(years - {_school_year(term_starts_on)}),
        rented_this_school_year=_school_year(term_starts_on) in years,
        voucher_ore=chosen.voucher_ore,
    )


def _here(engagements: Sequence[Engagement], course: CourseState) -> list[Engagement]:
    """The places at the course's school in its term."""
    return [
        each
        for each in engagements
        if each.is_held
        and (each.lesson.host_code, each.lesson.term_id) == (course.terms.host.code, course.term_id)
    ]


def _counts(rule_book: RuleBook, kind: str) -> bool:
    return kind not in rule_book.pricing.not_counted_kinds


def _turn(family: Family, person: str, each: Engagement) -> tuple[Any, ...]:
    """By which a family's places are numbered; the same whoever applied with which id.

    First the moment at which the pupil got the seat: a place that goes on from the term before has that
    one's. Of places of one moment the dearest fee is first, then the older child, then the earlier lesson in
    the week. What is equal in all of this costs the same in either order; the rest only makes it one order.
    """
    about, born_on = family.courses.get(each.course_id), family.born_on.get(person, date.max)
    lesson = (each.lesson.weekday, each.lesson.starts_at, each.course_id)
    return (each.decided_at, -about.fee_ore if about else 0, born_on, *lesson, person)


def _turns(family: Family, person: str, course: CourseState) -> dict[str, tuple[Any, ...]]:
    """By application, in order, the turns of the pupil's places at the school in the term that count."""
    found = {
        each.application_id: _turn(family, person, each)
        for each in _here(family.engagements.get(person, ()), course)
        if _counts(course.rule_book, each.fee_kind)
    }
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _courses_before(family: Family, pupil_id: str, course: CourseState, application_id: str | None) -> int:
    """The pupil's places before the application; all, where there is none yet or it waits."""
    before = list(_turns(family, pupil_id, course))
    return before.index(application_id) if application_id in before else len(before)


def _children_before(family: Family, pupil_id: str, course: CourseState) -> int:
    """Brothers and sisters whose first place comes before the pupil's own first one."""
    mine = min(_turns(family, pupil_id, course).values(), default=None)
    firsts = [
        min(turns.values())
        for person in family.children_with(pupil_id, course.rule_book)
        if (turns := _turns(family, person, course))
    ]
    return sum(mine is None or first < mine for first in firsts)


def _was_here(family: Family, pupil_id: str, course: CourseState) -> bool:
    """Has a place at the school in an earlier term: a new pupil may begin with two courses."""
    return any(
        each.is_held
        and each.lesson.host_code == course.terms.host.code
        and (about := family.courses.get(each.course_id)) is not None
        and about.term_starts_on < course.terms.term_starts_on
        for each in family.engagements.get(pupil_id, ())
    )


INSTRUMENT_UNKNOWN = Refusal(
    "instrument_unknown", N_("Choose one of the instruments of the list, or none."), status=422
)


def refusal_of(family: Family, pupil: sa.Row[Any], course: CourseState, chosen: Chosen) -> Refusal | None:
    """Why the family may not rent or pay as it chose for the pupil's place on the course; None if it may."""
    facts = price_facts(family, pupil, course, chosen=chosen)
    refusal = refusal_of_chosen(course.terms, course.rule_book, facts)
    if refusal is None and chosen.rents is not None and chosen.rents not in instruments_of(course):
        return INSTRUMENT_UNKNOWN
    return refusal


def instruments_of(course: CourseState) -> list[str]:
    """The keys of the instruments one may ask to rent for the course, its own subject first; none is none."""
    rental = course.rule_book.pricing.rental
    if rental is None or course.terms.fee_kind not in rental.kinds:
        return []
    named = dict.fromkeys((*INSTRUMENTS, *rental.free_instruments, *rental.unlimited_instruments))
    return sorted(named, key=lambda key: key != course.subject)


def chosen_with(application: sa.Row[Any]) -> Chosen:
    return Chosen(application.rents, application.voucher_ore)


def joined_on(application: sa.Row[Any]) -> date:
    """Who joins later in the term may pay less; who goes on from the term before has not joined late."""
    if application.held_since is not None:
        return local_date(application.held_since)
    return local_date(application.changed_at if application.state == "placed" else application.decided_at)


def price_anew(unit: Unit, pupil_ids: Collection[str]) -> None:
    """What the pupils' places and those of their families cost may have changed: the pricer looks again."""
    mine, theirs = guardianships.alias(), guardianships.alias()
    ids = list(pupil_ids)
    siblings = (
        sa.select(theirs.c.pupil_id)
        .join(mine, mine.c.guardian_id == theirs.c.guardian_id)
        .where(mine.c.pupil_id.in_(ids))
    )
    households = sa.select(pupils.c.household).where(
        pupils.c.pupil_id.in_(ids), pupils.c.household.is_not(None)
    )
    housemates = sa.select(pupils.c.pupil_id).where(pupils.c.household.in_(households))
    them = applications.c.pupil_id
    unit.execute(
        sa.update(applications)
        .where(
            sa.or_(them.in_(ids), them.in_(siblings), them.in_(housemates)),
            applications.c.state == "placed",
            applications.c.priced,
        )
        .values(priced=False)
    )


def withdrawal_cost(
    connection: sa.Connection, application: sa.Row[Any], course: CourseState, today: date
) -> WithdrawalCost | None:
    """What it costs to give up the application today; nothing while it is no place."""
    if application.state != "placed":
        return None
    pupil = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == application.pupil_id)).one()
    family = families_of(connection, [pupil.pupil_id])
    chosen = chosen_with(application)
    facts = price_facts(
        family,
        pupil,
        course,
        application.application_id,
        joins_on=joined_on(application),
        chosen=chosen,
    )
    # A place that went on by itself was decided when it began: the time to think it over is not given anew.
    decided_on = local_date(application.offered_at or application.held_since or application.decided_at)
    return cost_of_withdrawal(course.terms, course.rule_book, facts, today, decided_on)

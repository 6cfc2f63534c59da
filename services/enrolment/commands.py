"""Everything one can ask enrolment to do. Each raises Refused, and then nothing has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import years_before
from services.chassis.personal_identity import (
    InvalidPersonalIdentity,
    PersonalIdentity,
    parse_personal_identity,
)
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import ContactRegistered, PupilNamed
from services.contracts.rule_book import RuleBook
from services.enrolment import choices, disputes, pricing, repository, seats, surroundings
from services.enrolment.admission import decide_applications
from services.enrolment.domain.admission import (
    AGE_OF_MAJORITY,
    APPLICATION_UNKNOWN,
    CARRIED_OVER,
    CourseState,
)
from services.enrolment.domain.limits import Engagement, Wish, refusal_by_limits
from services.enrolment.domain.offers import refusal_to_give_up
from services.enrolment.domain.requests import NOTHING_CHOSEN, Answer, ApplicationRequest, Chosen, Outcome
from services.enrolment.readers import tell_guardianships
from services.enrolment.tables import applications, guardians, guardianships, pupils

PERSONAL_IDENTITY_INVALID = Refusal(
    "personal_identity_invalid",
    N_(
        "This is not a valid personal identity number or coordination number. "
        "Check the twelve digits, the last one too."
    ),
    status=422,
)
PERSONAL_IDENTITY_KNOWN = Refusal(
    "personal_identity_known",
    N_(
        "A child with this number is registered already. Ask your culture school to connect you to it: the "
        "id that it needs stands at the end of your page."
    ),
)
PUPIL_ID_TAKEN = Refusal(
    "pupil_id_taken",
    N_("This id belongs to another pupil. Reload the form and send it again."),
)
GUARDIAN_UNKNOWN = Refusal(
    "guardian_unknown",
    N_("You are not registered as a guardian yet. Ask your culture school to register you."),
    status=404,
)
ALIAS_MISSING = Refusal(
    "alias_missing", N_("A pupil with protected identity needs an alias for the lists."), status=422
)
PUPIL_NOT_PROTECTED = Refusal(
    "pupil_not_protected",
    N_(
        "This pupil is registered already, without protected identity, so its name would be shown. "
        "Nothing was entered: have the pupil protected first."
    ),
)
NOTHING_TO_WITHDRAW = Refusal("already_ended", N_("This application or place has ended already."))
OFFER_EXPIRED = Refusal(
    "offer_expired",
    N_("The last day to answer this offer has passed, so it goes to the next in line."),
)
NO_OFFER = Refusal("no_offer", N_("There is no offer to answer: it was answered already, or has ended."))
CAME_ON_IMPOSSIBLE = Refusal(
    "came_on_impossible",
    N_("The day the application came is within the last year and not after today."),
    status=422,
)
MUNICIPALITY_UNKNOWN = Refusal(
    "municipality_unknown", N_("There is no such municipality in the county."), status=422
)


# An older paper is a mistyped year, and would pass everybody in the queue.
OLDEST_ENTERED = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Contact:
    """How notifications reaches a person; enrolment itself keeps no address."""

    email: str | None
    language: str
    role: str = "guardian"


def register_guardian(
    unit: Unit, guardian_id: str, name: str, municipality: str, contact: Contact | None
) -> None:
    """A guardian and how to reach it; None for one with protected identity, of whom nobody else is told.

    The same again changes nothing.
    """
    values = {"name": name, "municipality_code": municipality}
    row = unit.row(sa.select(guardians).where(guardians.c.guardian_id == guardian_id).with_for_update())
    if row is not None and (row.name, row.municipality_code) == (name, municipality):
        return
    if row is None:
        unit.execute(sa.insert(guardians).values(guardian_id=guardian_id, **values))
    else:
        unit.execute(sa.update(guardians).where(guardians.c.guardian_id == guardian_id).values(**values))
    if contact is not None:
        register_contact(unit, guardian_id, name, municipality, contact)


def register_contact(unit: Unit, person_id: str, name: str, municipality: str, contact: Contact) -> None:
    """Tell notifications how to reach a guardian, a pupil of age or a colleague."""
    if contact.role == "pupil":
        unit.execute(sa.update(pupils).where(pupils.c.pupil_id == person_id).values(contact_at=unit.now))
    unit.record(
        ContactRegistered(person_id, name, contact.email, contact.language, contact.role, municipality)
    )


@dataclass(frozen=True, slots=True)
class NewPupil:
    """`alias` is what lists show of a pupil with protected identity; None for everyone else."""

    pupil_id: str
    personal_identity: str
    given_name: str
    family_name: str
    home_municipality: str
    guardian_id: str | None
    alias: str | None = None


def register_pupil(unit: Unit, pupil: NewPupil, by: str) -> None:
    """A pupil with its guardian. The same pupil again changes nothing, also when both come at once."""
    number = _identity(pupil.personal_identity, unit)
    if _is_registered(unit, pupil, number.number):
        return
    if pupil.home_municipality not in repository.known_municipalities(unit.connection):
        raise Refused(MUNICIPALITY_UNKNOWN)
    protected = pupil.alias is not None
    home = repository.home_now(unit.connection, pupil.home_municipality, unit.today)
    values = {
        "pupil_id": pupil.pupil_id,
        "personal_identity": number.number,
        "given_name": pupil.given_name,
        "family_name": pupil.family_name,
        "born_on": number.born_on,
        "home_municipality": home,
        "protected": protected,
        "alias": pupil.alias,
        "registered_by": by,
        "registered_at": unit.now,
    }
    added = unit.execute(insert_ignoring(unit.connection, pupils).values(values))
    if added.rowcount == 0 and _is_registered(unit, pupil, number.number):
        return  # by a second click, a moment ago
    if pupil.guardian_id is not None:
        unit.execute(sa.insert(guardianships).values(guardian_id=pupil.guardian_id, pupil_id=pupil.pupil_id))
        tell_guardianships(unit, guardianships.c.pupil_id == pupil.pupil_id)
    if not protected:
        unit.record(PupilNamed(pupil.pupil_id, pupil.given_name))


def _is_registered(unit: Unit, pupil: NewPupil, number: str) -> bool:
    """Whether this very pupil is there. Raises Refused where its number or id is somebody else's."""
    same_id, same_number = pupils.c.pupil_id == pupil.pupil_id, pupils.c.personal_identity == number
    rows = unit.rows(sa.select(pupils).where(sa.or_(same_id, same_number)))
    guardian = pupil.guardian_id
    if guardian is not None and not _is_guardian(unit, guardian):
        raise Refused(GUARDIAN_UNKNOWN)
    if not rows:
        return False
    if [(row.pupil_id, row.personal_identity) for row in rows] == [(pupil.pupil_id, number)]:
        guardians_of = repository.guardians_of(unit, [pupil.pupil_id]).get(pupil.pupil_id, [])
        if guardian is None or guardian in guardians_of:
            return True
    if any(row.personal_identity == number for row in rows):
        raise Refused(PERSONAL_IDENTITY_KNOWN)
    raise Refused(PUPIL_ID_TAKEN)


def _is_guardian(unit: Unit, person_id: str) -> bool:
    return (
        unit.row(sa.select(guardians.c.guardian_id).where(guardians.c.guardian_id == person_id)) is not None
    )


def _identity(text: str, unit: Unit) -> PersonalIdentity:
    try:
        return parse_personal_identity(text, unit.today)
    except InvalidPersonalIdentity as error:
        raise Refused(PERSONAL_IDENTITY_INVALID) from error


@dataclass(frozen=True, slots=True)
class EnteredApplication:
    """What staff enter of a paper or phone application. `queued_at` is the true time it came.

    `why` says who applied, and how.
    """

    application_id: str
    course_id: str
    pupil: NewPupil
    queued_at: datetime
    why: str
    chosen: Chosen = NOTHING_CHOSEN


def enter_application(unit: Unit, entered: EnteredApplication, by: str) -> Outcome:
    """A pupil, known or new, and its application, decided at once."""
    if not unit.now - OLDEST_ENTERED <= entered.queued_at <= unit.now:
        raise Refused(CAME_ON_IMPOSSIBLE)
    identity = _identity(entered.pupil.personal_identity, unit)
    known = unit.row(sa.select(pupils).where(pupils.c.personal_identity == identity.number))
    if known is None:
        register_pupil(unit, entered.pupil, by)
    elif entered.pupil.alias is not None and not known.protected:
        raise Refused(PUPIL_NOT_PROTECTED)
    request = ApplicationRequest(
        application_id=entered.application_id,
        course_id=entered.course_id,
        pupil_id=known.pupil_id if known else entered.pupil.pupil_id,
        guardian_id=None,
        by=by,
        queued_at=entered.queued_at,
        chosen=entered.chosen,
    )
    answer = apply_for_course(unit, request)
    if isinstance(answer, Refusal):
        raise Refused(answer)
    if not answer.already:
        repository.note_events(unit, [(answer.application_id, by, "entered", entered.why)])
    return answer


def apply_for_course(unit: Unit, request: ApplicationRequest) -> Answer:
    """One application on its own; the web sends them through the decider, many together."""
    return decide_applications(unit, [request])[0]


def withdraw(unit: Unit, application_id: str, by: str, *, person_id: str | None = None) -> None:
    """Give up a place, an offer or a place in the queue. A freed seat is offered to the next in line.

    What a late withdrawal of a place costs by the rule book is recorded with it. `person_id` is the guardian
    or pupil who does it; None where staff do, by a guardian's word.
    """
    row, course = repository.lock_application(unit, application_id)
    if row.state == "ended":
        raise Refused(NOTHING_TO_WITHDRAW)
    refusal = refusal_to_withdraw(unit.connection, row, course.rule_book, person_id, unit.today)
    if refusal is not None:
        raise Refused(refusal)
    cost = pricing.withdrawal_cost(unit.connection, row, course, unit.today)
    seats.end_application(unit, row, course, "withdrawn", by, cost=cost)
    seats.offer_free_seats(unit, course, fresh=True)
    repository.save_seats(unit, [course])


def refusal_to_withdraw(
    connection: sa.Connection, application: sa.Row[Any], book: RuleBook, person_id: str | None, today: date
) -> Refusal | None:
    """Why the person may not give up what the application has; None where it may."""
    pupil = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == application.pupil_id)).one()
    by_child = person_id == pupil.pupil_id and pupil.born_on > years_before(today, AGE_OF_MAJORITY)
    return refusal_to_give_up(book, application.state, by_child=by_child)


def accept_offer(unit: Unit, application_id: str, by: str) -> None:
    """The offered seat becomes the pupil's place, and those of siblings who applied together with it theirs.

    Where the rule book lets a pupil play one instrument, its other instrument applications at the school end;
    where the pupil ranks its choices, those end that come to nothing behind this one.
    """
    party = party_of(unit, application_id)
    states = repository.lock_courses_of(
        unit, {row.pupil_id for row in party}, {row.course_id for row in party}
    )
    rows = {
        row.application_id: row
        for row in repository.lock_applications(unit, [row.application_id for row in party])
    }
    repository.stay_put(rows.values(), states)
    if rows[application_id].state == "placed":
        return
    if rows[application_id].state != "offered":
        raise Refused(NO_OFFER)
    for row in rows.values():
        if row.state == "offered":
            _accept(unit, row, states, by)


def _accept(unit: Unit, row: sa.Row[Any], states: Mapping[str, CourseState], by: str) -> None:
    if row.answer_by is not None and unit.today > row.answer_by:
        raise Refused(OFFER_EXPIRED)
    course = states[row.course_id]
    engagements = surroundings.engagements_of(unit.connection, [row.pupil_id]).get(row.pupil_id, [])
    _may_take_one_more(row, course, engagements)
    seats.place(unit, row, course, by)
    if row.rule == CARRIED_OVER:
        return  # it is confirmed, and nothing else is accepted for it
    seats.leave_other_instruments(unit, engagements, course, states, by)
    choices.settle(unit, row.pupil_id, course, by)


def party_of(unit: Unit, application_id: str) -> Sequence[sa.Row[Any]]:
    """The application, and those of siblings who applied together with it. Raises Refused for none."""
    row = unit.row(sa.select(applications).where(applications.c.application_id == application_id))
    if row is None:
        raise Refused(APPLICATION_UNKNOWN)
    if row.party_id is None:
        return [row]
    same = sa.and_(applications.c.course_id == row.course_id, applications.c.party_id == row.party_id)
    return unit.rows(sa.select(applications).where(same))


def _may_take_one_more(row: sa.Row[Any], course: CourseState, engagements: Sequence[Engagement]) -> None:
    """Raises Refused where the pupil has got as many places as the rule book allows since the offer."""
    placed = [each for each in engagements if each.state == "placed"]
    wish = Wish(course.course_id, course.terms.fee_kind, course.lesson, gets_seat=True, choice=row.choice)
    refusal = refusal_by_limits(course.rule_book, wish, placed)
    if refusal is not None:
        raise Refused(refusal)


def decline_offer(unit: Unit, application_id: str, by: str) -> None:
    """The offer goes to the next in line; the rule book says whether the pupil stays in the queue.

    The answer is for all siblings who applied together: they come together or not at all.
    """
    party = party_of(unit, application_id)
    row, course = repository.lock_application(unit, application_id)
    if row.state != "offered":
        raise Refused(NO_OFFER)
    for each in repository.lock_applications(unit, [each.application_id for each in party]):
        if each.state == "offered":
            seats.refuse_offer(unit, each, course, by, expired=False)


def expire_offers(unit: Unit, most: int) -> int:
    """Pass on offers whose last day to answer is over, the oldest first; how many there were."""
    due = unit.rows(
        sa.select(applications.c.application_id)
        .where(applications.c.state == "offered", applications.c.answer_by < unit.today)
        .order_by(applications.c.course_id, applications.c.answer_by, applications.c.application_id)
        .limit(most)
    )
    for each in due:
        row, course = repository.lock_application(unit, each.application_id)
        if row.state == "offered" and row.answer_by is not None and row.answer_by < unit.today:
            # A guardian's no has waited for the other guardian: now it counts.
            said_no = disputes.was_declined(unit.connection, row)
            seats.refuse_offer(unit, row, course, "enrolment", expired=not said_no)
    return len(due)


def cancel_course(unit: Unit, course_id: str, by: str) -> None:
    """End every place, offer and application of a course that will not be held; queue dates return."""
    course = repository.lock_courses(unit, [course_id]).get(course_id)
    if course is None:
        return
    rows = unit.rows(
        sa.select(applications)
        .where(applications.c.course_id == course_id, applications.c.state != "ended")
        .order_by(applications.c.application_id)
        .with_for_update()
    )
    for row in rows:
        seats.end_application(unit, row, course, "course_cancelled", by)
    if rows:
        repository.save_seats(unit, [course])

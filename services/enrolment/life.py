"""What happens in a pupil's life: commands of staff, each with who, when and why.

Places and queue dates are kept through all of it. Each raises Refused, and then nothing has happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import years_before
from services.chassis.ids import new_id
from services.chassis.municipality import covers
from services.chassis.personal_identity import InvalidPersonalIdentity, parse_personal_identity
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit
from services.chassis.web.languages import DEFAULT_LANGUAGE
from services.contracts.enrolment import PupilMoved, PupilsMerged
from services.enrolment import pricing, repository, seats, surroundings
from services.enrolment.commands import (
    MUNICIPALITY_UNKNOWN,
    PERSONAL_IDENTITY_INVALID,
    Contact,
    register_contact,
)
from services.enrolment.domain.admission import AGE_OF_MAJORITY, PUPIL_UNKNOWN, CourseState
from services.enrolment.readers import tell_guardianships
from services.enrolment.tables import (
    applications,
    guardians,
    guardianships,
    pupil_events,
    pupils,
    queue_dates,
)

PROTECTION_DIFFERS = Refusal(
    "protection_differs",
    N_(
        "The number belongs to a pupil who is registered with another protection than this one. "
        "Nothing was changed: make the two alike first."
    ),
)
NUMBER_OF_ANOTHER = Refusal(
    "number_of_another",
    N_(
        "The number belongs to a pupil who was born on another day: these are two children. Check the number."
    ),
)
REGISTERED_ELSEWHERE = Refusal(
    "registered_elsewhere",
    N_(
        "A pupil with this number is registered in another municipality. If the two are one child, "
        "the county's staff can make them one."
    ),
)
CONTACT_OF_PROTECTED = Refusal(
    "contact_of_protected",
    N_("Nothing is sent to a pupil with protected identity, so no address is kept: call or meet the pupil."),
)
CONTACT_OF_CHILD = Refusal("contact_of_child", N_("The pupil is not 18 yet: letters go to its guardian."))
MOVED_IN_FUTURE = Refusal("moved_in_future", N_("A move is recorded once it has happened."), status=422)


LIVES_THERE = Refusal("lives_there", N_("The pupil is registered in that municipality already."), status=422)


def move_pupil(unit: Unit, pupil_id: str, municipality: str, moved_on: date, by: str, *, why: str) -> None:
    """The pupil lives in another municipality since the day. Its place and its queue dates are kept.

    Where it waits, its queue counts it at home in the new municipality from now on; what was decided stays
    decided as it was. The same move again changes nothing.
    """
    courses = repository.lock_courses_of(unit, [pupil_id])  # before the pupil: who applies has them first too
    pupil = locked_pupil(unit, pupil_id)
    if municipality not in repository.known_municipalities(unit.connection):
        raise Refused(MUNICIPALITY_UNKNOWN)
    if moved_on > unit.today:
        raise Refused(MOVED_IN_FUTURE)
    if pupil.home_municipality == municipality:
        if pupil.moved_on == moved_on:
            return
        raise Refused(LIVES_THERE)
    pricing.price_anew(unit, [pupil_id])  # theirs too whom it lived with until now
    unit.execute(
        sa.update(pupils)
        .where(pupils.c.pupil_id == pupil_id)
        .values(home_municipality=municipality, moved_on=moved_on, household=None)
    )
    unit.execute(
        sa.update(applications)
        .where(applications.c.pupil_id == pupil_id, applications.c.state == "queued")
        .values(home_municipality=municipality)
    )
    details = {"from": pupil.home_municipality, "to": municipality, "moved_on": moved_on.isoformat()}
    note(unit, pupil_id, by, "moved", why, details=details)
    pricing.price_anew(unit, [pupil_id])
    if not pupil.protected:
        unit.record(PupilMoved(pupil_id, pupil.home_municipality, municipality, moved_on))
    offer_in(unit, courses)


@dataclass(frozen=True, slots=True)
class PupilRecord:
    """What staff record of a pupil that the rule books ask about. The reasons stay with the school."""

    school_municipality: str | None
    leaves_upper_secondary: int | None
    later_limit: bool
    is_teacher: bool
    has_relief: bool
    played_before: bool


def record_pupil(unit: Unit, pupil_id: str, record: PupilRecord, by: str, *, why: str) -> None:
    """Who may have a seat may be another one afterwards, so free seats are offered anew."""
    courses = repository.lock_courses_of(unit, [pupil_id])
    pupil = locked_pupil(unit, pupil_id)
    known = repository.known_municipalities(unit.connection)
    if record.school_municipality is not None and record.school_municipality not in known:
        raise Refused(MUNICIPALITY_UNKNOWN)
    values = asdict(record)
    if all(getattr(pupil, name) == value for name, value in values.items()):
        return
    unit.execute(sa.update(pupils).where(pupils.c.pupil_id == pupil_id).values(**values))
    changed = sorted(name for name, value in values.items() if getattr(pupil, name) != value)
    note(unit, pupil_id, by, "recorded", why, details={"changed": changed})
    pricing.price_anew(unit, [pupil_id])
    offer_in(unit, courses)


NO_SUCH_GUARDIAN = Refusal(
    "guardian_unknown",
    N_("No guardian has this id. The guardian reads it at the end of its own page, once it has signed in."),
    status=404,
)


def connect_guardian(unit: Unit, pupil_id: str, guardian_id: str, by: str, *, why: str) -> None:
    """One more guardian of the child, in whatever municipality: one child with one application a course."""
    repository.lock_courses_of(unit, [pupil_id])  # before the pupil, as in a move
    locked_pupil(unit, pupil_id)
    there = unit.row(sa.select(guardians.c.guardian_id).where(guardians.c.guardian_id == guardian_id))
    if there is None:
        raise Refused(NO_SUCH_GUARDIAN)
    added = unit.execute(
        insert_ignoring(unit.connection, guardianships).values(guardian_id=guardian_id, pupil_id=pupil_id)
    )
    if added.rowcount:
        pricing.price_anew(unit, [pupil_id])
        note(unit, pupil_id, by, "guardian_connected", why, details={"guardian_id": guardian_id})
        tell_guardianships(unit, guardianships.c.pupil_id == pupil_id)


def correct_identity(
    unit: Unit, pupil_id: str, personal_identity: str, by: str, *, why: str, scope: str
) -> None:
    """A coordination number becomes a personal identity number, or a wrong one is put right.

    Where a pupil is registered under the new number already, the two are one child: their records become one,
    with the earliest queue date of each, and one application a course. That cannot be undone, so both must be
    born on one day, and live where those who are bound to `scope` act for: the county's staff for all.
    """
    try:
        identity = parse_personal_identity(personal_identity, unit.today)
    except InvalidPersonalIdentity as error:
        raise Refused(PERSONAL_IDENTITY_INVALID) from error
    has_number = sa.select(pupils).where(pupils.c.personal_identity == identity.number)
    # The courses of both before either of them, as in a move.
    known = unit.row(has_number)
    repository.lock_courses_of(unit, [pupil_id] if known is None else [pupil_id, known.pupil_id])
    pupil = locked_pupil(unit, pupil_id)
    if pupil.personal_identity == identity.number:
        return
    other = unit.row(has_number.with_for_update())
    if other is not None:
        if other.protected != pupil.protected:
            raise Refused(PROTECTION_DIFFERS)
        if other.born_on != pupil.born_on:
            raise Refused(NUMBER_OF_ANOTHER)
        if not covers(scope, other.home_municipality):
            raise Refused(REGISTERED_ELSEWHERE)
        _merge(unit, pupil_id, other.pupil_id, by, why)
    unit.execute(
        sa.update(pupils)
        .where(pupils.c.pupil_id == pupil_id)
        .values(personal_identity=identity.number, born_on=identity.born_on)
    )
    note(unit, pupil_id, by, "identity_corrected", why)
    pricing.price_anew(unit, [pupil_id])


def _merge(unit: Unit, kept_id: str, gone_id: str, by: str, why: str) -> None:
    """The records of two pupils who are one child become those of `kept_id`."""
    courses = repository.lock_courses_of(unit, [kept_id, gone_id])
    rows = unit.rows(
        sa.select(applications)
        .where(applications.c.pupil_id.in_([kept_id, gone_id]), applications.c.state != "ended")
        .order_by(applications.c.application_id)
        .with_for_update()
    )
    before = {course_id: _seats_of(course) for course_id, course in courses.items()}
    # First of all the queue dates: where of two applications one ends, its date stays with the other.
    dates = surroundings.queue_dates_of(unit.connection, [gone_id])
    surroundings.keep_queue_dates(unit, {(kept_id, subject): at for (_, subject), at in dates.items()})
    for course_id, course in courses.items():
        _one_application(unit, [row for row in rows if row.course_id == course_id], course, by)
    unit.execute(sa.update(applications).where(applications.c.pupil_id == gone_id).values(pupil_id=kept_id))
    _merge_guardians(unit, kept_id, gone_id)
    _merge_record(unit, kept_id, gone_id)
    unit.execute(sa.delete(queue_dates).where(queue_dates.c.pupil_id == gone_id))
    unit.execute(
        sa.update(pupils)
        .where(pupils.c.pupil_id == gone_id)
        .values(personal_identity=None, merged_into=kept_id)
    )
    note(unit, kept_id, by, "merged", why, details={"merged": gone_id})
    unit.record(PupilsMerged(kept_id, gone_id))
    offer_in(unit, courses, before)


# What may change where a pupil stands in the queues it waits in.
_REORDERS = ("moved", "recorded", "identity_corrected", "merged", "home_merged")

# A place is worth more than an offer, and an offer more than waiting.
_WORTH = {"placed": 0, "offered": 1, "queued": 2}


def _one_application(unit: Unit, rows: Sequence[sa.Row[Any]], course: CourseState, by: str) -> None:
    """Of two applications of one child for a course the better one stays, with the earlier queue date."""
    if len(rows) < 2:
        return
    stays, *others = sorted(rows, key=lambda row: (_WORTH[row.state], row.queued_at, row.application_id))
    earliest = min(row.queued_at for row in rows)
    for row in others:
        seats.end_application(unit, row, course, "merged", by)
    unit.execute(
        sa.update(applications)
        .where(applications.c.application_id == stays.application_id)
        .values(queued_at=earliest)
    )
    repository.note_events(unit, [(stays.application_id, by, stays.state, "merged")])


def _merge_record(unit: Unit, kept_id: str, gone_id: str) -> None:
    """What was recorded of either is so of the child, and what was done to either was done to it."""
    both = {
        row.pupil_id: row
        for row in unit.rows(sa.select(pupils).where(pupils.c.pupil_id.in_([kept_id, gone_id])))
    }
    kept, gone = both[kept_id], both[gone_id]
    either = ("later_limit", "is_teacher", "has_relief", "played_before")
    first = ("school_municipality", "leaves_upper_secondary")
    values = {name: getattr(kept, name) or getattr(gone, name) for name in (*either, *first)}
    unit.execute(sa.update(pupils).where(pupils.c.pupil_id == kept_id).values(**values))
    unit.execute(sa.update(pupil_events).where(pupil_events.c.pupil_id == gone_id).values(pupil_id=kept_id))


def _merge_guardians(unit: Unit, kept_id: str, gone_id: str) -> None:
    theirs = repository.guardians_of(unit, [gone_id]).get(gone_id, [])
    if theirs:
        rows = [{"guardian_id": each, "pupil_id": kept_id} for each in theirs]
        unit.execute(insert_ignoring(unit.connection, guardianships), rows)
    unit.execute(sa.delete(guardianships).where(guardianships.c.pupil_id == gone_id))


def come_of_age(unit: Unit, most: int) -> int:
    """From its 18th birthday a pupil is written to itself, and pays: its guardians' access has ended.

    How many pupils and applications changed hands. Nobody else's address becomes the pupil's: it has one once
    staff have recorded it, and until then it reads its letters on its pages.
    """
    named = _name_contacts(unit, most)
    due = unit.rows(
        sa.select(applications.c.application_id, applications.c.pupil_id)
        .join(pupils, pupils.c.pupil_id == applications.c.pupil_id)
        .where(
            applications.c.state != "ended",
            applications.c.guardian_id != applications.c.pupil_id,
            pupils.c.born_on <= years_before(unit.today, AGE_OF_MAJORITY),
        )
        .order_by(applications.c.application_id)
        .limit(most)
        .with_for_update(of=applications)
    )
    for row in due:
        unit.execute(
            sa.update(applications)
            .where(applications.c.application_id == row.application_id)
            .values(guardian_id=row.pupil_id, priced=False)
        )
    repository.note_events(
        unit, [(row.application_id, "enrolment", "came_of_age", "the pupil is 18 and decides") for row in due]
    )
    return max(len(due), named)


def _name_contacts(unit: Unit, most: int) -> int:
    """Tell notifications of pupils of age, without an address yet; never of a protected one."""
    due = unit.rows(
        sa.select(pupils)
        .where(
            pupils.c.born_on <= years_before(unit.today, AGE_OF_MAJORITY),
            pupils.c.contact_at.is_(None),
            sa.not_(pupils.c.protected),
            pupils.c.merged_into.is_(None),
        )
        .order_by(pupils.c.pupil_id)
        .limit(most)
        .with_for_update()
    )
    for row in due:
        _register_contact(unit, row, Contact(None, DEFAULT_LANGUAGE, "pupil"))
    return len(due)


def _register_contact(unit: Unit, pupil: sa.Row[Any], contact: Contact) -> None:
    name = f"{pupil.given_name} {pupil.family_name}"
    register_contact(unit, pupil.pupil_id, name, pupil.home_municipality, contact)


def record_contact(unit: Unit, pupil_id: str, contact: Contact, by: str, *, why: str) -> None:
    """The pupil's own address, from 18: letters go there. Enrolment itself keeps none."""
    pupil = locked_pupil(unit, pupil_id)
    if pupil.protected:
        raise Refused(CONTACT_OF_PROTECTED)
    if pupil.born_on > years_before(unit.today, AGE_OF_MAJORITY):
        raise Refused(CONTACT_OF_CHILD)
    _register_contact(unit, pupil, contact)
    note(unit, pupil_id, by, "contact_recorded", why)


def offer_in(
    unit: Unit, courses: Mapping[str, CourseState], before: Mapping[str, tuple[int, int, int]] | None = None
) -> None:
    """Offer the free seats of locked courses: who may have one may be another one now.

    `before` are the seats as they were saved last, where the courses have changed since they were locked.
    """
    for course_id, course in courses.items():
        was = _seats_of(course) if before is None else before[course_id]
        seats.offer_free_seats(unit, course)
        if was != _seats_of(course):
            repository.save_seats(unit, [course])


def _seats_of(course: CourseState) -> tuple[int, int, int]:
    return course.capacity, course.taken, course.waiting


def locked_pupil(unit: Unit, pupil_id: str) -> sa.Row[Any]:
    """Raises Refused where there is none, or it became a part of another record."""
    row = unit.row(sa.select(pupils).where(pupils.c.pupil_id == pupil_id).with_for_update())
    if row is None or row.merged_into is not None:
        raise Refused(PUPIL_UNKNOWN)
    return row


def note(
    unit: Unit, pupil_id: str, by: str, what: str, why: str, *, details: Mapping[str, Any] | None = None
) -> None:
    """Who did what to a pupil, when and why; `details` are without names or numbers.

    Where it may stand elsewhere in a queue afterwards, the application says so too: without the reason, which
    is between the pupil and its home municipality.
    """
    if what in _REORDERS:
        waits = sa.select(applications.c.application_id).where(
            applications.c.pupil_id == pupil_id, applications.c.state == "queued"
        )
        queued = unit.connection.scalars(waits.order_by(applications.c.application_id)).all()
        repository.note_events(unit, [(each, by, what, "") for each in queued])
    unit.execute(
        sa.insert(pupil_events).values(
            event_id=new_id(),
            pupil_id=pupil_id,
            at=unit.now,
            by=by,
            what=what,
            why=why,
            details=json.dumps(details or {}, sort_keys=True),
        )
    )

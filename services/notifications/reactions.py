"""One function per foreign fact: what notifications does when another service says what happened.

A reaction only keeps what it heard and records the messages that follow from it. Composing waits until
what a message refers to is known, and sending is the sender's: see sender.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.ids import derived_id
from services.chassis.messaging.worker import Reactions
from services.chassis.municipality import is_county_code
from services.chassis.storage.unit import Unit
from services.contracts.billing import CostSharesComputed, InvoiceReminded
from services.contracts.catalogue import CourseCancelled, CoursePublished, MunicipalityRegistered, TermOpened
from services.contracts.enrolment import (
    ApplicationEnded,
    ApplicationQueued,
    ContactRegistered,
    GuardianshipChanged,
    PlaceGiven,
    PlaceNotContinued,
    PlaceOffered,
    PupilNamed,
    PupilProtectionChanged,
)
from services.contracts.envelope import Envelope
from services.notifications.tables import (
    contacts,
    cost_runs,
    course_cancellations,
    courses,
    guardianships,
    messages,
    municipalities,
    places,
    protections,
    pupils,
    reminders,
    terms,
)

# Two services' clocks differ, and a new colleague rather reads of the shares than not.
FINANCE_GRACE = timedelta(days=1)


def on_municipality_registered(unit: Unit, fact: MunicipalityRegistered) -> None:
    _keep(unit, municipalities, {"code": fact.municipality_code, "name": fact.name})


def on_term_opened(unit: Unit, fact: TermOpened) -> None:
    _keep(unit, terms, {"term_id": fact.term_id, "name_sv": fact.name.sv, "name_en": fact.name.en})


def on_course_published(unit: Unit, fact: CoursePublished) -> None:
    same = ("course_id", "term_id", "school_name", "weekday", "starts_at", "minutes")
    dated = ("first_lesson_on", "last_lesson_on", "room")
    values = {name: getattr(fact, name) for name in (*same, *dated)}
    titles = {"title_sv": fact.title.sv, "title_en": fact.title.en}
    _keep(unit, courses, {**values, **titles, "published_at": _cause(unit).time})


def on_course_cancelled(unit: Unit, fact: CourseCancelled) -> None:
    """Families hear of it when enrolment ends each application; here only the school's reason is kept."""
    reason = {"reason_sv": fact.reason.sv, "reason_en": fact.reason.en}
    _keep(unit, course_cancellations, {"course_id": fact.course_id, **reason})


def on_contact_registered(unit: Unit, fact: ContactRegistered) -> None:
    before = unit.row(sa.select(contacts).where(contacts.c.person_id == fact.person_id))
    same_post = before is not None and (before.role, before.municipality_code) == (
        fact.role,
        fact.municipality_code,
    )
    since = before.since if before is not None and same_post else _cause(unit).time
    names = ("person_id", "name", "email", "language", "role", "municipality_code")
    _keep(unit, contacts, {**{name: getattr(fact, name) for name in names}, "since": since})
    contact = unit.row(sa.select(contacts).where(contacts.c.person_id == fact.person_id))
    if contact is not None and contact.role == "finance":
        earliest = contact.since - FINANCE_GRACE
        for run in unit.rows(sa.select(cost_runs).where(cost_runs.c.computed_at >= earliest)):
            _record_shares(unit, run, contact)
        for reminder in unit.rows(sa.select(reminders).where(reminders.c.sent_at >= earliest)):
            _record_reminder(unit, reminder, contact)


def on_pupil_named(unit: Unit, fact: PupilNamed) -> None:
    _keep(unit, pupils, {"pupil_id": fact.pupil_id, "given_name": fact.given_name})


def on_guardianship_changed(unit: Unit, fact: GuardianshipChanged) -> None:
    names = ("pupil_id", "guardian_id", "sees")
    _keep(unit, guardianships, {name: getattr(fact, name) for name in names})


def on_pupil_protection_changed(unit: Unit, fact: PupilProtectionChanged) -> None:
    names = ("pupil_id", "is_protected")
    _keep(unit, protections, {name: getattr(fact, name) for name in names})
    if fact.is_protected:
        _forget(unit, fact.pupil_id)


def _forget(unit: Unit, pupil_id: str) -> None:
    """The name, letters about the pupil, written or not, and in whose calendar its places are."""
    unit.execute(sa.delete(pupils).where(pupils.c.pupil_id == pupil_id))
    unit.execute(sa.delete(messages).where(messages.c.pupil_id == pupil_id))
    unit.execute(sa.update(places).where(places.c.pupil_id == pupil_id).values(guardian_id=None))


def on_place_given(unit: Unit, fact: PlaceGiven) -> None:
    _keep(unit, places, {**_place(fact), "ended": False, "changed_at": fact.given_at})
    _record_about(unit, "place", fact, {"rule": fact.rule})


def on_application_queued(unit: Unit, fact: ApplicationQueued) -> None:
    renew_by = fact.renew_by.isoformat() if fact.renew_by else None
    facts = {"position": fact.position, "rule": fact.rule, "renew_by": renew_by}
    _record_about(unit, "queued", fact, facts)


def on_place_offered(unit: Unit, fact: PlaceOffered) -> None:
    answer_by = fact.answer_by.isoformat() if fact.answer_by else None
    _record_about(unit, "offered", fact, {"rule": fact.rule, "answer_by": answer_by})


def on_application_ended(unit: Unit, fact: ApplicationEnded) -> None:
    _keep(unit, places, {**_place(fact), "ended": True, "changed_at": fact.ended_at})
    kind = "cancelled" if fact.outcome == "course_cancelled" else "ended"
    facts = {"outcome": fact.outcome, "had": fact.had, "cost_ore": fact.cost_ore}
    _record_about(unit, kind, fact, facts)


def on_place_not_continued(unit: Unit, fact: PlaceNotContinued) -> None:
    """The place stands until its term is over, and so does its calendar."""
    _record_about(unit, "not_continued", fact, {"reason": fact.reason})


def on_cost_shares_computed(unit: Unit, fact: CostSharesComputed) -> None:
    cause = _cause(unit)
    shares = json.dumps({share.payer_code: share.share_ore for share in fact.shares})
    names = ("run_id", "year", "budget_ore", "population_date")
    values = {name: getattr(fact, name) for name in names}
    _keep(unit, cost_runs, {**values, "shares": shares, "cause_id": cause.id, "computed_at": cause.time})
    run = unit.row(sa.select(cost_runs).where(cost_runs.c.run_id == fact.run_id))
    known_in_time = contacts.c.since <= cause.time + FINANCE_GRACE
    for contact in unit.rows(sa.select(contacts).where(contacts.c.role == "finance", known_in_time)):
        _record_shares(unit, run, contact)


def on_invoice_reminded(unit: Unit, fact: InvoiceReminded) -> None:
    cause = _cause(unit)
    said = {"due_on": fact.due_on.isoformat(), "pay_by": fact.pay_by.isoformat()}
    names = ("reminder_id", "number", "invoice_number", "level", "open_ore")
    said |= {name: getattr(fact, name) for name in names}
    values = {"reminder_id": fact.reminder_id, "payer_code": fact.payer_code, "facts": json.dumps(said)}
    _keep(unit, reminders, {**values, "cause_id": cause.id, "sent_at": cause.time})
    reminder = unit.row(sa.select(reminders).where(reminders.c.reminder_id == fact.reminder_id))
    known_in_time = contacts.c.since <= cause.time + FINANCE_GRACE
    for contact in unit.rows(sa.select(contacts).where(contacts.c.role == "finance", known_in_time)):
        _record_reminder(unit, reminder, contact)


REACTIONS: Reactions = {
    MunicipalityRegistered: on_municipality_registered,
    TermOpened: on_term_opened,
    CoursePublished: on_course_published,
    CourseCancelled: on_course_cancelled,
    ContactRegistered: on_contact_registered,
    PupilNamed: on_pupil_named,
    GuardianshipChanged: on_guardianship_changed,
    PupilProtectionChanged: on_pupil_protection_changed,
    PlaceGiven: on_place_given,
    ApplicationQueued: on_application_queued,
    PlaceOffered: on_place_offered,
    ApplicationEnded: on_application_ended,
    PlaceNotContinued: on_place_not_continued,
    CostSharesComputed: on_cost_shares_computed,
    InvoiceReminded: on_invoice_reminded,
}


def _cause(unit: Unit) -> Envelope:
    if unit.cause is None:
        raise LookupError("a reaction needs the envelope it reacts to")
    return unit.cause


def _keep(unit: Unit, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Insert or update the row, unless what it holds came from a later fact of the same stream."""
    unit.keep(table, {**values, "sequence": _cause(unit).sequence})


def _place(fact: PlaceGiven | ApplicationEnded) -> dict[str, Any]:
    names = ("application_id", "course_id", "pupil_id", "guardian_id")
    return {name: getattr(fact, name) for name in names}


@dataclass(frozen=True, slots=True)
class _Message:
    """What a message says, and what must be known before it can be composed."""

    kind: str
    facts: Mapping[str, Any]
    course_id: str | None = None
    pupil_id: str | None = None
    municipality_code: str | None = None


AboutAnApplication = PlaceGiven | ApplicationQueued | PlaceOffered | ApplicationEnded | PlaceNotContinued


def _record_about(unit: Unit, kind: str, fact: AboutAnApplication, facts: Mapping[str, Any]) -> None:
    """A message to who applied and one to each other guardian; none about a protected pupil."""
    if fact.guardian_id is not None:
        message = _Message(kind, facts, course_id=fact.course_id, pupil_id=fact.pupil_id)
        cause = _cause(unit)
        for person_id in dict.fromkeys((fact.guardian_id, *fact.other_guardians)):
            _record(unit, person_id, message, (cause.id, cause.sequence))


def _record_shares(unit: Unit, run: Any, contact: Any) -> None:
    """The whole to the county's finance, its own share to a municipality's; none where it pays nothing."""
    code = contact.municipality_code
    shares: dict[str, int] = json.loads(run.shares)
    about = {
        "year": run.year,
        "budget_ore": run.budget_ore,
        "population_date": run.population_date.isoformat(),
    }
    if is_county_code(code):
        facts = {**about, "region_ore": shares.get(code), "payers": len(shares)}
        message = _Message("cost_total", facts)
    elif code in shares:
        message = _Message("cost_share", {**about, "share_ore": shares[code]}, municipality_code=code)
    else:
        return
    _record(unit, contact.person_id, message, (run.cause_id, run.sequence))


def _record_reminder(unit: Unit, reminder: Any, contact: Any) -> None:
    """To the payer's own finance, the region's where the region pays; nobody else is reminded."""
    if contact.municipality_code == reminder.payer_code:
        message = _Message("reminder", json.loads(reminder.facts))
        _record(unit, contact.person_id, message, (reminder.cause_id, reminder.sequence))


def _record(unit: Unit, person_id: str, message: _Message, cause: tuple[str, int]) -> None:
    """One message a person and fact, however often the fact comes. `cause` is its id and sequence."""
    cause_id, sequence = cause
    unit.add(
        messages,
        {
            "message_id": derived_id("message", person_id, cause_id),
            "person_id": person_id,
            "cause_id": cause_id,
            "kind": message.kind,
            "course_id": message.course_id,
            "pupil_id": message.pupil_id,
            "municipality_code": message.municipality_code,
            "facts": json.dumps(message.facts),
            "recorded_at": unit.now,
            "sequence": sequence,
            "state": "waiting",
            "attempts": 0,
        },
    )

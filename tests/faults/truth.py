"""Whether anything was lost or happened twice: every log against every inbox and against what came of it.

`samklang check` looks at one database at a time; here all are looked at together, as only a test can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import sqlalchemy as sa

from services.billing.copy_tables import places as billed_places
from services.catalogue.tables import course_seats
from services.catalogue.tables import courses as catalogue_courses
from services.chassis import consistency
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox, inbox_positions, outbox, outbox_streams
from services.contracts.envelope import Envelope, parse_envelope
from services.contracts.registry import FACTS, SERVICES, STREAMS, SUBSCRIPTIONS, publisher_of, readers_of
from services.enrolment.tables import applications
from services.enrolment.tables import courses as enrolment_courses
from services.notifications.tables import messages

Storages = Mapping[str, Storage]
SOURCES = tuple(source for streams in STREAMS.values() for source in streams)
TOLD = ("place_given", "application_queued", "place_offered", "application_ended", "place_not_continued")


@dataclass
class Injected:
    """What a test has put there on purpose: message ids that are no facts, or are set aside."""

    message_ids: set[str] = field(default_factory=set)


def lag(storages: Storages) -> int:
    """Facts that some reader has not handled yet, over all readers; parked ones count as handled."""
    last: dict[str, int] = {}
    for service in STREAMS:
        with storages[service].reading() as connection:
            for row in connection.execute(sa.select(outbox_streams)):
                last[row.source] = row.last_sequence
    behind = 0
    for reader in SERVICES:
        with storages[reader].reading() as connection:
            through = {r.source: r.received_through for r in connection.execute(sa.select(inbox_positions))}
            behind += sum(last[source] - through.get(source, 0) for source in SUBSCRIPTIONS[reader])
            behind += (
                connection.scalar(
                    sa.select(sa.func.count()).where(
                        inbox.c.handled_at.is_(None), inbox.c.parked_at.is_(None)
                    )
                )
                or 0
            )
    return behind


def logged(storages: Storages) -> int:
    """Facts that were ever published, over all streams."""
    count = 0
    for service in STREAMS:
        with storages[service].reading() as connection:
            count += sum(row.last_sequence for row in connection.execute(sa.select(outbox_streams)))
    return count


def is_settled(storages: Storages) -> bool:
    """Whether every fact has been handled, those too that handling the last ones has caused.

    Two looks: during the first, a reaction or a timer may record facts that the look has passed already.
    """
    return lag(storages) == 0 and not _unsaid(storages) and lag(storages) == 0


def _unsaid(storages: Storages) -> bool:
    """Whether enrolment says in a moment what places cost or how full courses are: facts not there yet."""
    unpriced = sa.exists().where(applications.c.state == "placed", ~applications.c.priced)
    changed = sa.exists().where(enrolment_courses.c.seats_changed)
    with storages["enrolment"].reading() as connection:
        return bool(connection.scalar(sa.select(sa.or_(unpriced, changed))))


def findings(storages: Storages, injected: Injected | None = None) -> list[str]:
    """What is not as it must be once everything has settled; empty when all is well."""
    known = (injected or Injected()).message_ids
    return [
        *_checked(storages),
        *_undelivered(storages, known),
        *_caused_twice(storages),
        *_seats(storages),
        *_billed(storages, known),
        *_told(storages, known),
    ]


def _checked(storages: Storages) -> Iterator[str]:
    """The very invariants of `samklang check`."""
    for service, storage in storages.items():
        with storage.reading() as connection:
            broken = consistency.check(connection, service)
            broken += import_module(f"services.{service}.checks").check(connection)
        yield from (f"check of {service}: {finding}" for finding in broken)


def log_of(storage: Storage, source: str) -> dict[str, str]:
    """message id -> envelope."""
    with storage.reading() as connection:
        rows = connection.execute(
            sa.select(outbox.c.message_id, outbox.c.envelope)
            .where(outbox.c.source == source)
            .order_by(outbox.c.sequence)
        )
        return {row.message_id: row.envelope for row in rows}


def envelopes(storages: Storages, source: str, known: set[str]) -> list[Envelope]:
    """The stream's facts in order, without what a test put in."""
    log = log_of(storages[publisher_of(source)], source)
    return [parse_envelope(text) for id_, text in log.items() if id_ not in known]


def _undelivered(storages: Storages, known: set[str]) -> Iterator[str]:
    for source in SOURCES:
        log = log_of(storages[publisher_of(source)], source)
        for reader in readers_of(source):
            with storages[reader].reading() as connection:
                rows = connection.execute(sa.select(inbox).where(inbox.c.source == source)).all()
            there = {row.message_id: row for row in rows}
            lost = len(log.keys() - there.keys())
            invented = len(there.keys() - log.keys() - known)
            changed = sum(there[id_].body != text for id_, text in log.items() if id_ in there)
            unhandled = sum(row.handled_at is None for row in rows if row.message_id not in known)
            counts = {"lost": lost, "invented": invented, "changed": changed, "unhandled": unhandled}
            yield from (
                f"{source} -> {reader}: {count} of {len(log)} facts {what}"
                for what, count in counts.items()
                if count
            )


def _caused_twice(storages: Storages) -> Iterator[str]:
    """A fact may cause many, but each of them once: the same one again is a reaction that ran twice."""
    for source in SOURCES:
        caused = Counter(
            (envelope.causationid, envelope.type, envelope.subject)
            for envelope in envelopes(storages, source, set())
            if envelope.causationid is not None
        )
        twice = sum(count > 1 for count in caused.values())
        if twice:
            yield f"{source}: {twice} facts were caused twice by one and the same fact"


def _seats(storages: Storages) -> Iterator[str]:
    """Enrolment's courses, its own last word on each, the catalogue's copy, and the catalogue's course."""
    with storages["enrolment"].reading() as connection:
        true = {row.course_id: row for row in connection.execute(sa.select(enrolment_courses))}
    with storages["catalogue"].reading() as connection:
        copy = {row.course_id: row for row in connection.execute(sa.select(course_seats))}
        published = {row.course_id: row.capacity for row in connection.execute(sa.select(catalogue_courses))}
    for course_id, row in copy.items():
        course = true[course_id]
        if (row.capacity, row.taken, row.waiting) != (course.capacity, course.taken, course.waiting):
            yield f"course {course_id}: the catalogue's copy of the seats is not what enrolment holds"
    for course_id, course in true.items():
        if (course.taken or course.waiting) and course_id not in copy:
            yield f"course {course_id}: the catalogue never heard how full it is"
    if published != {course_id: row.published_capacity for course_id, row in true.items()}:
        yield "enrolment's copy of the courses is not what the catalogue has"


def _of(envelope: Envelope) -> str:
    return FACTS[envelope.type].NAME


def _billed(storages: Storages, known: set[str]) -> Iterator[str]:
    """Billing's places are those of enrolment's log: each given once, ended where it ended."""
    expected: dict[str, bool] = {}
    for envelope in envelopes(storages, "enrolment", known):
        application = str(envelope.data.get("application_id"))
        if _of(envelope) == "place_given":
            expected.setdefault(application, False)
        elif _of(envelope) == "application_ended" and application in expected:
            expected[application] = True
    with storages["billing"].reading() as connection:
        rows = connection.execute(sa.select(billed_places))
        there = {row.application_id: row.ended_at is not None for row in rows}
    if there != expected:
        yield f"billing has {len(there)} places, the log {len(expected)}, or one has ended in one only"
    with storages["enrolment"].reading() as connection:
        placed = set(
            connection.scalars(
                sa.select(applications.c.application_id).where(applications.c.state == "placed")
            )
        )
    if placed != {application for application, ended in expected.items() if not ended}:
        yield "the places of enrolment are not the places its facts tell of"


def _told(storages: Storages, known: set[str]) -> Iterator[str]:
    """One message a guardian and fact: none missing, none twice, none about what nobody said."""
    expected: Counter[tuple[Any, str]] = Counter()
    for envelope in envelopes(storages, "enrolment", known):
        guardian = envelope.data.get("guardian_id")
        if guardian is not None and _of(envelope) in TOLD:
            for reader in (guardian, *envelope.data.get("other_guardians", ())):
                expected[reader, envelope.id] += 1
    with storages["notifications"].reading() as connection:
        rows = connection.execute(
            sa.select(messages.c.person_id, messages.c.cause_id).where(messages.c.kind.not_like("cost_%"))
        )
        told = Counter((row.person_id, row.cause_id) for row in rows)
    missing, surplus = (expected - told).total(), (told - expected).total()
    if missing or surplus:
        yield f"{missing} messages to guardians are missing, {surplus} are too many"

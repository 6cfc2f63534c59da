"""Facts of a believable term, delivered as the broker would: through the inbox and the worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.messaging.worker import Worker
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.contracts.billing import CostShare, CostSharesComputed, InvoiceReminded
from services.contracts.catalogue import CourseCancelled, CoursePublished, MunicipalityRegistered, TermOpened
from services.contracts.enrolment import (
    ApplicationEnded,
    ApplicationQueued,
    ContactRegistered,
    PlaceGiven,
    PlaceOffered,
    PupilNamed,
)
from services.contracts.envelope import Envelope, envelop
from services.contracts.fact import Fact, LocalText
from services.notifications.reactions import REACTIONS
from services.notifications.tables import messages

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

MARIA = ContactRegistered("maria", "Maria Hellström", "maria@example.se", "sv", "guardian", "1962")
SAMIRA = ContactRegistered("samira", "Samira Haddad", "samira@example.se", "en", "guardian", "1980")
ANTON = ContactRegistered("anton", "Anton Lindgren", "anton@example.se", "sv", "pupil", "1983")
REGION = ContactRegistered("anders", "Anders Vestin", "anders@example.se", "sv", "finance", "19")
NORBERG = ContactRegistered("birgitta", "Birgitta Ahlgren", "birgitta@example.se", "sv", "finance", "1962")
ALMA = PupilNamed("alma", "Alma")
ANTON_NAMED = PupilNamed("anton", "Anton")

TERM = TermOpened(
    "vt27", LocalText("Vårterminen 2027", "Spring 2027"), date(2027, 1, 11), date(2027, 6, 11), None, None
)
NORBERG_MUNICIPALITY = MunicipalityRegistered(
    "1962", "Norberg", "Norbergs kulturskola", date(2015, 1, 1), None
)
FIDDLE = CoursePublished(
    course_id="fiddle",
    term_id="vt27",
    municipality_code="1980",
    school_name="Västerås kulturskola",
    title=LocalText("Lördagsfiol", "Saturday fiddle"),
    description=LocalText("Vi spelar.", "We play."),
    art_form="music_instrument",
    fee_kind="instrument",
    weekday=6,
    starts_at="16:30",
    minutes=60,
    first_lesson_on=date(2027, 1, 16),
    last_lesson_on=date(2027, 6, 5),
    room="Växhuset, sal 1",
    min_age=8,
    max_age=12,
    capacity=8,
    shared=True,
    rule_book_id="vasteras-2024",
)
CANCELLED = CourseCancelled("fiddle", LocalText("Läraren är sjuk.", "The teacher is ill."))


def place(
    application_id: str = "a1", guardian: str | None = "maria", pupil: str = "alma", rule: str = "free_seat"
) -> PlaceGiven:
    return PlaceGiven(application_id, "fiddle", pupil, guardian, "1962", "1980", "vt27", NOW, rule)


def queued(
    application_id: str = "a1", guardian: str | None = "maria", pupil: str = "alma", rule: str = "queue_date"
) -> ApplicationQueued:
    return ApplicationQueued(application_id, "fiddle", pupil, guardian, "1962", "1980", "vt27", NOW, 3, rule)


def offered(application_id: str = "a1", guardian: str | None = "maria", pupil: str = "alma") -> PlaceOffered:
    return PlaceOffered(application_id, "fiddle", pupil, guardian, NOW, "next_in_queue")


def ended(
    application_id: str = "a1",
    guardian: str | None = "maria",
    pupil: str = "alma",
    outcome: str = "withdrawn",
    had: str = "place",
) -> ApplicationEnded:
    return ApplicationEnded(application_id, "fiddle", pupil, guardian, outcome, had, NOW)


def shares(run_id: str = "run-2025") -> CostSharesComputed:
    parts = (CostShare("19", 50_000_000), CostShare("1962", 1_234_567), CostShare("1980", 48_765_433))
    return CostSharesComputed(run_id, 2025, 100_000_000, date(2024, 12, 31), parts)


def reminder(payer: str = "1962", level: int = 1) -> InvoiceReminded:
    about = (f"r{payer}{level}", f"P2026-000{level}", "i1", "2026-0005", 2025, payer, level, 251_186)
    return InvoiceReminded(*about, date(2026, 10, 31), date(2026, 12, 4))


class Publisher:
    """Gives facts their envelopes: each stream counts from 1."""

    def __init__(self) -> None:
        self._sequences: dict[str, int] = {}

    def envelope(self, fact: Fact, at: datetime = NOW) -> Envelope:
        sequence = self._sequences[fact.SOURCE] = self._sequences.get(fact.SOURCE, 0) + 1
        message_id = f"{fact.SOURCE}-{sequence}"
        return envelop(
            fact,
            message_id=message_id,
            sequence=sequence,
            now=at,
            correlation_id=message_id,
            causation_id=None,
            traceparent=None,
        )


def deliver(storage: Storage, envelopes: Iterable[Envelope]) -> None:
    """Through the inbox and the worker. Fails the test where a fact fails."""
    inbox.store(storage, [envelope.to_json().encode() for envelope in envelopes])
    worker = Worker("notifications", storage, REACTIONS)
    while worker.run_once() == 0:
        pass
    with storage.reading() as connection:
        failures = connection.scalars(sa.text("SELECT last_error FROM inbox WHERE attempts > 0")).all()
    assert failures == []


def tell(storage: Storage, *facts: Fact, publisher: Publisher | None = None) -> None:
    publisher = publisher or Publisher()
    deliver(storage, [publisher.envelope(fact) for fact in facts])


def react(storage: Storage, envelope: Envelope, fact: Fact) -> None:
    """The bare reaction, without the inbox' order and deduplication before it."""
    with storage.unit() as unit:
        unit.because_of(envelope)
        REACTIONS[type(fact)](unit, fact)


def all_messages(storage: Storage) -> list[sa.Row[Any]]:
    with storage.reading() as connection:
        return list(
            connection.execute(sa.select(messages).order_by(messages.c.sequence, messages.c.person_id))
        )


def changed(fact: Any, **values: Any) -> Any:
    return replace(fact, **values)

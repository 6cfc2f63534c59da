"""A county of three municipalities and the families in it, small enough to know by heart.

Norrby and Söderby are members; Utby is not. Norrby's queue goes by date, Söderby's by residence and then by
date. On the day of the tests' clock, 24 November 2026, one applies for spring 2027.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.personal_identity import with_check_digit
from services.chassis.refusals import Refusal
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.contracts.catalogue import (
    CourseCancelled,
    CoursePublished,
    MunicipalityRegistered,
    RuleBookPublished,
    TermOpened,
)
from services.contracts.enrolment import CourseSeatsChanged
from services.contracts.envelope import parse_envelope
from services.contracts.fact import Fact, LocalText
from services.contracts.registry import read_fact
from services.contracts.rule_book import Eligibility, Fee, RuleBook
from services.enrolment import checks, commands
from services.enrolment.admission import decide_applications
from services.enrolment.commands import Contact, NewPupil
from services.enrolment.domain.requests import Answer, ApplicationRequest, Outcome
from services.enrolment.reactions import REACTIONS
from services.enrolment.seat_news import say_seats
from services.enrolment.tables import applications, courses, guardianships, pupils

NORRBY, SODERBY, UTBY = "1901", "1902", "1903"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
TERM_STARTS = date(2027, 1, 18)


def rule_book(rule_book_id: str, code: str, school: str, *order: str) -> RuleBook:
    return RuleBook(
        rule_book_id=rule_book_id,
        municipality_code=code,
        school_name=school,
        valid_from=date(2024, 1, 1),
        valid_to=None,
        source="the tests",
        eligibility=Eligibility(6, 25),
        order=order,
        fees=(Fee("instrument", 85000, LocalText("Instrument", "Instrument")),),
        in_words=(LocalText("Så går kön.", "This is how the queue goes."),),
    )


NORRBYS_RULES = rule_book("norrby-2024", NORRBY, "Norrby kulturskola", "queue_date")
SODERBYS_RULES = rule_book(
    "soderby-2024", SODERBY, "Söderby kulturskola", "host_residents_first", "queue_date"
)
TERM = TermOpened(
    "vt27",
    LocalText("Vårterminen 2027", "Spring 2027"),
    TERM_STARTS,
    date(2027, 6, 4),
    date(2026, 11, 1),
    date(2026, 12, 15),
)
# Two seats in Norrby for 8 to 12 years.
FIDDLE = CoursePublished(
    course_id="fiddle",
    term_id="vt27",
    municipality_code=NORRBY,
    school_name="Norrby kulturskola",
    title=LocalText("Lördagsfiol", "Saturday fiddle"),
    description=LocalText("Vi spelar.", "We play."),
    art_form="music_instrument",
    fee_kind="instrument",
    weekday=6,
    starts_at="16:30",
    minutes=60,
    first_lesson_on=date(2027, 1, 23),
    last_lesson_on=date(2027, 6, 4),
    room="Sal 1",
    min_age=8,
    max_age=12,
    capacity=2,
    shared=True,
    rule_book_id="norrby-2024",
)
# One seat in Söderby for 8 to 19 years, of a kind that the rule book has no fee for.
CIRCUS = replace(
    FIDDLE,
    course_id="circus",
    municipality_code=SODERBY,
    school_name="Söderby kulturskola",
    title=LocalText("Cirkuslabbet", "The circus lab"),
    fee_kind="circus",
    weekday=1,
    max_age=19,
    capacity=1,
    rule_book_id="soderby-2024",
)
# For Norrby's own pupils.
DANCE = replace(
    FIDDLE, course_id="dance", title=LocalText("Dans", "Dance"), weekday=3, capacity=5, shared=False
)
CANCELLED = CourseCancelled("fiddle", LocalText("Läraren är sjuk.", "The teacher is ill."))
CATALOGUE: tuple[Fact, ...] = (
    MunicipalityRegistered(NORRBY, "Norrby", "Norrby kulturskola", date(2015, 1, 1), None),
    MunicipalityRegistered(SODERBY, "Söderby", "Söderby kulturskola", date(2015, 1, 1), None),
    MunicipalityRegistered(UTBY, "Utby", None, None, None),
    RuleBookPublished("norrby-2024", NORRBYS_RULES),
    RuleBookPublished("soderby-2024", SODERBYS_RULES),
    TERM,
    FIDDLE,
    CIRCUS,
    DANCE,
)


def number(born_on: date, serial: int = 238) -> str:
    """A personal identity number with a right check digit."""
    return with_check_digit(f"{born_on:%Y%m%d}{serial:03d}")


def coordination_number(born_on: date, serial: int = 238) -> str:
    return with_check_digit(f"{born_on:%Y%m}{born_on.day + 60:02d}{serial:03d}")


MARIA, SAMIRA, KRISTINA = "maria", "samira", "kristina"
GUARDIANS = (
    (MARIA, "Maria Hellström", NORRBY, Contact("maria@example.se", "sv")),
    (SAMIRA, "Samira Haddad", SODERBY, Contact("samira@example.se", "en")),
    (KRISTINA, "Kristina Björk", UTBY, Contact(None, "sv")),
)
ALMA = NewPupil("alma", number(date(2017, 3, 14)), "Alma", "Hellström", NORRBY, MARIA)  # 9 years
LEO = NewPupil("leo", number(date(2013, 10, 2)), "Leo", "Hellström", NORRBY, MARIA)  # 13 years
NOOR = NewPupil("noor", number(date(2015, 5, 21)), "Noor", "Haddad", SODERBY, SAMIRA)  # 11 years
TOVE = NewPupil("tove", number(date(2016, 7, 1)), "Tove", "Björk", UTBY, KRISTINA)  # 10 years
ANTON = NewPupil("anton", number(date(2007, 8, 1)), "Anton", "Lindgren", SODERBY, None)  # 19 years
# Lives in Söderby under protected identity; its number and its names must be seen nowhere.
CLOVER = NewPupil("clover", number(date(2016, 2, 9)), "Hemlig", "Skyddad", SODERBY, None, alias="Klöver")
PUPILS = (ALMA, LEO, NOOR, TOVE, ANTON, CLOVER)


def tell(storage: Storage, *facts: Fact) -> None:
    """The bare reactions, one unit each."""
    for fact in facts:
        with storage.unit() as unit:
            REACTIONS[type(fact)](unit, fact)


def settle_families(storage: Storage) -> None:
    with storage.unit() as unit:
        for guardian in GUARDIANS:
            commands.register_guardian(unit, *guardian)
        for pupil in PUPILS:
            commands.register_pupil(unit, pupil, "the tests")


def children(storage: Storage, count: int, home: str = NORRBY, guardian: str | None = None) -> list[str]:
    """Pupils of nine years by the dozen; their ids."""
    ids = [f"child-{home}-{n:04d}" for n in range(count)]
    rows = [
        {
            "pupil_id": each,
            "given_name": f"Barn {each[-4:]}",
            "family_name": "Andersson",
            "born_on": date(2017, 6, 1),
            "home_municipality": home,
            "registered_by": "the tests",
            "registered_at": NOW,
        }
        for each in ids
    ]
    with storage.unit() as unit:
        unit.execute(sa.insert(pupils), rows)
        if guardian is not None:
            unit.execute(
                sa.insert(guardianships),
                [{"guardian_id": guardian, "pupil_id": each, "told": True} for each in ids],
            )
    return ids


def request(
    application_id: str = "a1",
    course_id: str = "fiddle",
    pupil_id: str = "alma",
    guardian_id: str | None = None,
    queued_at: datetime | None = None,
) -> ApplicationRequest:
    """What is not said of the guardian: entered by staff, so that nobody's right is in question."""
    return ApplicationRequest(application_id, course_id, pupil_id, guardian_id, "the tests", queued_at)


def decide(storage: Storage, *requests: ApplicationRequest) -> list[Answer]:
    """In one transaction."""
    with storage.unit() as unit:
        return decide_applications(unit, requests)


def applied(
    storage: Storage, application_id: str = "a1", course_id: str = "fiddle", pupil_id: str = "alma"
) -> Outcome:
    """An application that nothing refuses."""
    (answer,) = decide(storage, request(application_id, course_id, pupil_id))
    assert isinstance(answer, Outcome), answer
    return answer


def names(answers: Iterable[Answer]) -> list[str]:
    """`placed`, `queued 1` ..., or the refusal's name."""
    return [
        each.name
        if isinstance(each, Refusal)
        else each.state
        if each.position is None
        else f"{each.state} {each.position}"
        for each in answers
    ]


def facts(storage: Storage, *kinds: type[Fact]) -> list[Any]:
    """The facts in the log, of these kinds or of all, in the order of their streams."""
    with storage.reading() as connection:
        texts = connection.scalars(
            sa.select(outbox.c.envelope).order_by(outbox.c.source, outbox.c.sequence)
        ).all()
    read = [read_fact(envelope.type, dict(envelope.data)) for envelope in map(parse_envelope, texts)]
    return [fact for fact in read if not kinds or isinstance(fact, kinds)]


def all_is_well(storage: Storage) -> bool:
    """Whether what must always hold in enrolment holds."""
    with storage.reading() as connection:
        return checks.check(connection) == []


def seats_said(storage: Storage) -> list[CourseSeatsChanged]:
    """How full the courses were each time it was said, the last time now."""
    with storage.unit() as unit:
        say_seats(unit, 1000)
    return facts(storage, CourseSeatsChanged)


def seats(storage: Storage, course_id: str = "fiddle") -> tuple[int, int, int]:
    """Capacity, taken, waiting."""
    with storage.reading() as connection:
        row = connection.execute(
            sa.select(courses.c.capacity, courses.c.taken, courses.c.waiting).where(
                courses.c.course_id == course_id
            )
        ).one()
    return row.capacity, row.taken, row.waiting


def states(storage: Storage, course_id: str = "fiddle") -> dict[str, str]:
    """State by application id; of an ended one its outcome."""
    with storage.reading() as connection:
        rows = connection.execute(sa.select(applications).where(applications.c.course_id == course_id))
        return {row.application_id: row.outcome or row.state for row in rows}


def rows_of(storage: Storage) -> dict[str, sa.Row[Any]]:
    """The applications by their ids."""
    with storage.reading() as connection:
        return {row.application_id: row for row in connection.execute(sa.select(applications))}


def count(storage: Storage, table: sa.Table) -> int:
    with storage.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0

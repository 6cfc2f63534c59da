"""What the published rules say of the next term, tried on the rule books that say it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.chassis.clock import age_on
from services.contracts.eligibility import Known
from services.enrolment.domain.admission import Applicant, CourseState
from services.enrolment.domain.queue import Waiting
from services.enrolment.domain.rollover import Effect, Holder, Input, plan
from tests.enrolment.rulebooks.books import AUTUMN, home, school

SPRING_AFTER = date(2027, 1, 18)
CHILD, ADULT = date(2015, 3, 1), date(1980, 3, 1)


def carried(
    book: str,
    starts: date,
    today: date,
    *,
    state: str = "placed",
    answer: str | None = None,
    born_on: date = CHILD,
    children_waiting: int = 0,
    capacity: int = 2,
) -> Effect:
    """What becomes of one application when the term of `starts` begins."""
    rules = school(book)
    course = CourseState("next", "t2", rules.course(starts=starts), rules.book, capacity, capacity, 0, 0)
    pupil = Applicant("p", born_on, home(rules.book.municipality_code), Known(born_on=born_on))
    at = datetime(2025, 9, 1, tzinfo=UTC)
    me = Waiting("a", at, age_on(born_on, starts), True, False, pupil_id="p")
    queue = [
        Waiting(f"w{n}", at + timedelta(days=n), 10, True, False, pupil_id=f"c{n}")
        for n in range(children_waiting)
    ]
    course.waiting = len(queue)
    holder = Holder("a", "old", state, pupil, at, at, answer, waiting=me)
    given = Input("t2", starts, today, {"old": "next"}, {"next": course}, [holder], {"next": queue})
    return next(each for each in plan(given).effects if each.application_id == "a")


SAID = [
    # Lund: "renewal: every year in April, last day 1 May, both places and queue positions".
    ("lund", AUTUMN, date(2026, 4, 10), {}, ("confirm", "carried_over", date(2026, 5, 4))),
    ("lund", AUTUMN, date(2026, 4, 10), {"answer": "confirmed"}, ("continues", "carried_over", None)),
    ("lund", AUTUMN, date(2026, 5, 5), {}, ("ends", "not_confirmed", None)),
    ("lund", AUTUMN, date(2026, 5, 5), {"answer": "confirmed"}, ("continues", "carried_over", None)),
    ("lund", AUTUMN, date(2026, 5, 5), {"state": "queued"}, ("ends", "not_confirmed", None)),
    (
        "lund",
        AUTUMN,
        date(2026, 4, 10),
        {"state": "queued", "capacity": 0},
        ("waits", "queue_to_confirm", date(2026, 5, 4)),
    ),
    # ... "every year": not before the spring.
    ("lund", SPRING_AFTER, date(2026, 12, 10), {}, ("continues", "carried_over", None)),
    # Sala: "renewal: none needed, an application stands until withdrawn".
    ("sala-2019", AUTUMN, date(2026, 6, 1), {}, ("continues", "carried_over", None)),
    (
        "sala-2019",
        AUTUMN,
        date(2026, 6, 1),
        {"state": "queued", "capacity": 0},
        ("waits", "queue_carried_over", None),
    ),
    # "adults: may have to give up the place at a change of term when places are short".
    ("sala-2019", AUTUMN, date(2026, 6, 1), {"born_on": ADULT}, ("continues", "carried_over", None)),
    (
        "sala-2019",
        AUTUMN,
        date(2026, 6, 1),
        {"born_on": ADULT, "children_waiting": 1},
        ("continues", "carried_over", None),
    ),
    (
        "sala-2019",
        AUTUMN,
        date(2026, 6, 1),
        {"born_on": ADULT, "children_waiting": 2},
        ("ends", "adult_no_space", None),
    ),
    # Upplands Väsby: "renewal: none needed"; places are given up by 15 May.
    ("upplands-vasby", AUTUMN, date(2026, 6, 1), {}, ("continues", "carried_over", None)),
    ("upplands-vasby", AUTUMN, date(2026, 6, 1), {"answer": "given_up"}, ("ends", "given_up", None)),
    # "main admission in mid June": until then no seat of the autumn is offered to who waits.
    ("upplands-vasby", AUTUMN, date(2026, 6, 14), {"state": "queued"}, ("waits", "queue_carried_over", None)),
    ("upplands-vasby", AUTUMN, date(2026, 6, 15), {"state": "queued"}, ("offered", "next_in_queue", None)),
    # Karlskoga: "adults: by the term".
    ("karlskoga", AUTUMN, date(2026, 6, 1), {"born_on": ADULT}, ("ends", "adults_end", None)),
    ("karlskoga", AUTUMN, date(2026, 6, 1), {}, ("continues", "carried_over", None)),
    # Arboga: "stays in the queue until offered a place".
    (
        "arboga-2024",
        AUTUMN,
        date(2026, 6, 1),
        {"state": "queued", "capacity": 0},
        ("waits", "queue_carried_over", None),
    ),
    # "until they leave upper secondary school".
    ("arboga-2024", AUTUMN, date(2026, 6, 1), {"born_on": date(2007, 3, 1)}, ("ends", "pupil_too_old", None)),
]


@pytest.mark.parametrize(("book", "starts", "today", "facts", "found"), SAID)
def test_what_becomes_of_a_place(
    book: str,
    starts: date,
    today: date,
    facts: dict[str, object],
    found: tuple[str, str, date | None],
) -> None:
    effect = carried(book, starts, today, **facts)  # type: ignore[arg-type]  # a table's facts
    assert (effect.kind, effect.reason, effect.answer_by) == found

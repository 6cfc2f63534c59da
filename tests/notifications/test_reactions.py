"""Every fact leaves its mark once, in whatever order the streams arrive."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.chassis.storage.engine import Storage
from services.contracts.enrolment import GuardianshipChanged, PupilNamed, PupilProtectionChanged
from services.contracts.fact import Fact
from services.notifications import outgoing, queries
from services.notifications.checks import check
from services.notifications.reactions import on_pupil_named
from tests.notifications.story import (
    ALMA,
    ANTON,
    CANCELLED,
    FIDDLE,
    MARIA,
    NORBERG,
    NORBERG_MUNICIPALITY,
    NOW,
    REGION,
    SAMIRA,
    TERM,
    Publisher,
    all_messages,
    changed,
    deliver,
    ended,
    offered,
    place,
    queued,
    react,
    reminder,
    shares,
    tell,
)

Make = Callable[[str], Storage]


def test_an_application_s_facts_become_one_message_each(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, MARIA, ALMA, FIDDLE, queued(), offered(), place(rule="next_in_queue"), ended())
    assert [row.kind for row in all_messages(storage)] == ["queued", "offered", "place", "ended"]
    assert {row.person_id for row in all_messages(storage)} == {"maria"}


def test_a_protected_pupil_s_facts_become_no_message(make_storage: Make) -> None:
    storage = make_storage("notifications")
    facts = [queued(guardian=None), offered(guardian=None), place(guardian=None), ended(guardian=None)]
    tell(storage, FIDDLE, *facts)
    assert all_messages(storage) == []


def test_every_guardian_is_written_to_once(make_storage: Make) -> None:
    storage = make_storage("notifications")
    publisher = Publisher()
    both = replace(place(), other_guardians=("samira", "maria", "samira"))
    told = [publisher.envelope(fact) for fact in (MARIA, SAMIRA, both, replace(place("a2", None)))]
    deliver(storage, told)
    deliver(storage, told)
    assert sorted((row.person_id, row.kind) for row in all_messages(storage)) == [
        ("maria", "place"),
        ("samira", "place"),
    ]


def test_a_calendar_has_the_places_of_the_children_whose_guardian_one_is(make_storage: Make) -> None:
    """Of whoever applied; until the pupil turns 18."""
    storage = make_storage("notifications")
    publisher = Publisher()

    def calendars() -> list[str]:
        with storage.reading() as connection:
            people = ("maria", "samira", "alma")
            return [each for each in people if queries.calendar_places(connection, each)]

    tell(storage, FIDDLE, ALMA, place(), publisher=publisher)
    assert calendars() == ["maria", "alma"]
    tell(storage, GuardianshipChanged("alma", "samira", sees=True), publisher=publisher)
    assert calendars() == ["maria", "samira", "alma"]
    tell(storage, GuardianshipChanged("alma", "maria", sees=True), publisher=publisher)
    for guardian in ("maria", "samira"):
        tell(storage, GuardianshipChanged("alma", guardian, sees=False), publisher=publisher)
    assert calendars() == ["alma"]
    with storage.reading() as connection:
        assert queries.calendar_places(connection, "samira", "a1") == []


def test_of_a_pupil_who_is_protected_later_no_letter_stays(make_storage: Make) -> None:
    """Nor one that a fact from before brings after it."""
    storage = make_storage("notifications")
    publisher = Publisher()
    leo = place("a2", pupil="leo")
    before, late = publisher.envelope(queued()), publisher.envelope(place())
    protected = publisher.envelope(PupilProtectionChanged("alma", is_protected=True))
    known = [publisher.envelope(fact) for fact in (TERM, FIDDLE, MARIA, ALMA, PupilNamed("leo", "Leo"))]
    deliver(storage, [*known, before])
    react(storage, protected, PupilProtectionChanged("alma", is_protected=True))
    react(storage, late, place())
    react(storage, publisher.envelope(leo), leo)
    with storage.unit() as unit:
        assert [each.material.pupil_name for each in outgoing.claim(unit, 10)] == ["Leo"]
    assert {row.kind for row in all_messages(storage) if row.pupil_id == "alma"} <= {"place"}
    with storage.reading() as connection:
        assert queries.mailbox(connection, "maria", page=1, page_size=10).total == 0
        assert check(connection, NOW) == []


def test_a_place_of_a_pupil_who_is_protected_later_is_in_no_guardians_calendar(make_storage: Make) -> None:
    storage = make_storage("notifications")
    told = (TERM, FIDDLE, MARIA, ALMA, place(), PupilProtectionChanged("alma", is_protected=True))
    tell(storage, *told)
    tell(storage, *told)
    with storage.reading() as connection:
        assert queries.calendar_places(connection, "maria") == []
        assert len(queries.calendar_places(connection, "alma")) == 1
        assert check(connection, NOW) == []
    assert all_messages(storage) == []


def test_a_cancelled_course_is_told_by_the_end_of_each_application(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, FIDDLE, CANCELLED, place(), ended(outcome="course_cancelled"))
    assert [row.kind for row in all_messages(storage)] == ["place", "cancelled"]


STREAMS: list[list[Fact]] = [
    [NORBERG_MUNICIPALITY, TERM, FIDDLE],
    [
        queued(),
        offered(),
        place(rule="next_in_queue"),
        ended("a2", pupil="leo", outcome="declined", had="offer"),
    ],
    [MARIA, ALMA, REGION, NORBERG],
    [shares()],
]


@pytest.mark.parametrize(
    "order", list(itertools.permutations(range(4))), ids=lambda order: "".join(map(str, order))
)
def test_streams_may_arrive_in_any_order_and_every_fact_twice(
    make_storage: Make, order: tuple[int, ...]
) -> None:
    storage = make_storage("notifications")
    publisher = Publisher()
    streams = [[publisher.envelope(fact) for fact in stream] for stream in STREAMS]
    for position in order:
        deliver(storage, streams[position])
        deliver(storage, streams[position])
    told = sorted((row.person_id, row.kind) for row in all_messages(storage))
    assert told == [
        ("anders", "cost_total"),
        ("birgitta", "cost_share"),
        ("maria", "ended"),
        ("maria", "offered"),
        ("maria", "place"),
        ("maria", "queued"),
    ]
    with storage.reading() as connection:
        assert [each.application_id for each in queries.calendar_places(connection, "maria")] == ["a1"]
        assert check(connection, NOW) == []


def test_even_without_the_inbox_before_it_a_reaction_may_run_twice_and_backwards(make_storage: Make) -> None:
    storage = make_storage("notifications")
    publisher = Publisher()
    moved = changed(FIDDLE, room="Sal 9")
    renamed = changed(MARIA, email="new@example.se")
    facts = [TERM, FIDDLE, moved, MARIA, renamed, ALMA, queued(), place(), ended(), REGION, shares()]
    told = [(publisher.envelope(fact), fact) for fact in facts]
    for envelope, fact in [*reversed(told), *told, *reversed(told)]:
        react(storage, envelope, fact)
    assert [row.kind for row in all_messages(storage) if row.person_id == "maria"] == [
        "queued",
        "place",
        "ended",
    ]
    assert [row.kind for row in all_messages(storage) if row.person_id == "anders"] == ["cost_total"]
    with storage.reading() as connection:
        assert queries.calendar_places(connection, "maria") == []
        assert queries.mail_preferences(connection, "maria").email == "new@example.se"


def test_a_course_is_kept_as_it_was_published_last(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, FIDDLE, changed(FIDDLE, room="Sal 9"), place())
    with storage.reading() as connection:
        assert [each.room for each in queries.calendar_places(connection, "maria")] == ["Sal 9"]


def test_each_finance_contact_hears_of_the_shares_it_pays(make_storage: Make) -> None:
    storage = make_storage("notifications")
    not_a_member = changed(NORBERG, person_id="surahammar", municipality_code="1907")
    tell(storage, MARIA, ANTON, REGION, NORBERG, not_a_member, shares())
    assert sorted((row.person_id, row.kind) for row in all_messages(storage)) == [
        ("anders", "cost_total"),
        ("birgitta", "cost_share"),
    ]


def test_a_second_computation_is_told_as_well(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, NORBERG, shares(), shares("run-again"))
    assert [row.kind for row in all_messages(storage)] == ["cost_share", "cost_share"]


def test_who_comes_to_finance_later_is_not_told_of_old_shares(make_storage: Make) -> None:
    storage = make_storage("notifications")
    publisher = Publisher()
    deliver(storage, [publisher.envelope(shares())])
    deliver(storage, [publisher.envelope(NORBERG, NOW + timedelta(days=30))])
    assert all_messages(storage) == []


def test_a_newer_address_does_not_make_a_finance_contact_new(make_storage: Make) -> None:
    storage = make_storage("notifications")
    publisher = Publisher()
    contact = publisher.envelope(NORBERG, NOW - timedelta(days=300))
    newer = publisher.envelope(changed(NORBERG, email="b@example.se"), NOW + timedelta(days=30))
    run = publisher.envelope(shares())
    deliver(storage, [contact, newer])
    deliver(storage, [run])
    assert [row.person_id for row in all_messages(storage)] == ["birgitta"]


def test_a_reaction_without_a_cause_is_a_mistake(make_storage: Make) -> None:
    storage = make_storage("notifications")
    with pytest.raises(LookupError), storage.unit() as unit:
        on_pupil_named(unit, ALMA)


def test_a_reminder_goes_to_the_payers_finance_and_nobody_else(make_storage: Make) -> None:
    storage = make_storage("notifications")
    elsewhere = changed(NORBERG, person_id="sala", municipality_code="1981")
    school = changed(NORBERG, person_id="school", role="staff")
    facts = (reminder(), reminder(payer="19"), reminder(level=2))
    tell(storage, REGION, NORBERG, elsewhere, school, MARIA, *facts)
    assert sorted((row.person_id, row.kind) for row in all_messages(storage)) == [
        ("anders", "reminder"),
        ("birgitta", "reminder"),
        ("birgitta", "reminder"),
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_reminder_heard_of_twice_or_before_its_reader_is_told_once(
    make_storage: Make, order: tuple[int, int]
) -> None:
    storage = make_storage("notifications")
    publisher = Publisher()
    streams = [[publisher.envelope(NORBERG)], [publisher.envelope(reminder())]]
    for position in order:
        deliver(storage, streams[position])
        deliver(storage, streams[position])
    assert [(row.person_id, row.kind) for row in all_messages(storage)] == [("birgitta", "reminder")]


def test_who_comes_to_finance_later_is_not_reminded_of_old_debts(make_storage: Make) -> None:
    storage = make_storage("notifications")
    publisher = Publisher()
    deliver(storage, [publisher.envelope(reminder())])
    deliver(storage, [publisher.envelope(NORBERG, NOW + timedelta(days=30))])
    assert all_messages(storage) == []

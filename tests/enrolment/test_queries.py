from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.enrolment import commands, queries
from services.enrolment.verdicts import Verdict, verdicts_of
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    CANCELLED,
    FIDDLE,
    KRISTINA,
    MARIA,
    NORRBY,
    SAMIRA,
    SODERBY,
    TERM,
    TODAY,
    UTBY,
    applied,
    children,
    decide,
    request,
    tell,
)


def withdraw(storage: Storage, application_id: str) -> None:
    with storage.unit() as unit:
        commands.withdraw(unit, application_id, "the tests")


def verdicts(storage: Storage, person: str, course_id: str = "fiddle", today: date = TODAY) -> list[Verdict]:
    with storage.reading() as connection:
        found = queries.course(connection, course_id)
        assert found is not None
        return verdicts_of(connection, person, found[1], today)


def pupils_of(storage: Storage, person: str) -> list[str]:
    with storage.reading() as connection:
        return [pupil.pupil_id for pupil in queries.pupils_of(connection, person, TODAY)]


@pytest.mark.parametrize(
    ("person", "pupils"),
    [(MARIA, ["alma", "leo"]), (SAMIRA, ["noor"]), ("anton", ["anton"]), ("clover", ["clover"]), ("x", [])],
)
def test_ones_own_pupils_by_name(storage: Storage, person: str, pupils: list[str]) -> None:
    assert pupils_of(storage, person) == pupils


def test_the_verdict_is_what_an_application_would_get(storage: Storage) -> None:
    alma, leo = verdicts(storage, MARIA)
    assert (alma.age, alma.refusal, alma.basis and alma.basis.rule) == (9, None, "norrby-2024/residents")
    assert alma.price is not None
    assert [(line.rule, line.amount_ore) for line in alma.price.lines] == [
        ("norrby-2024/fees/instrument", 85000)
    ]
    assert alma.fee_ore == 85000
    assert (leo.age, leo.refusal and leo.refusal.name, leo.basis) == (13, "pupil_too_old", None)
    (noor,) = verdicts(storage, SAMIRA)
    assert noor.basis is not None
    assert noor.basis.rule == "cooperation/shared_courses"
    (tove,) = verdicts(storage, KRISTINA)
    assert tove.refusal is not None
    assert tove.refusal.name == "home_municipality_not_a_member"
    assert verdicts(storage, MARIA, "circus")[0].price is None


def test_the_verdict_is_of_the_day(storage: Storage) -> None:
    for day, name in ((date(2026, 10, 31), "application_period_closed"), (date(2026, 12, 15), None)):
        alma = verdicts(storage, MARIA, today=day)[0]
        assert (alma.refusal and alma.refusal.name) == name


def test_who_has_applied_is_led_to_the_application(storage: Storage) -> None:
    applied(storage, "a1")
    assert [each.application_id for each in verdicts(storage, MARIA)] == ["a1", None]
    assert [each.application_id for each in verdicts(storage, MARIA, "circus")] == [None, None]
    withdraw(storage, "a1")
    assert verdicts(storage, MARIA)[0].application_id is None


def test_an_application_is_its_familys(storage: Storage) -> None:
    applied(storage, "a1")
    with storage.reading() as connection:
        found = queries.application_of_person(connection, "a1", MARIA, TODAY)
        assert found is not None
        assert (found.pupil.name, found.course.title.sv, found.guardian_name) == (
            "Alma Hellström",
            "Lördagsfiol",
            "Maria Hellström",
        )
        for person in (SAMIRA, KRISTINA, "anton", "clover", "nobody"):
            assert queries.application_of_person(connection, "a1", person, TODAY) is None
            assert queries.applications_of_person(connection, person, TODAY) == []
        assert queries.application_of_person(connection, "a2", MARIA, TODAY) is None
        assert [each.application_id for each in queries.applications_of_person(connection, MARIA, TODAY)] == [
            "a1"
        ]


def test_an_application_in_the_queue_knows_its_position(storage: Storage) -> None:
    ids = children(storage, 4, guardian=MARIA)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    with storage.reading() as connection:
        mine = queries.applications_of_person(connection, MARIA, TODAY)
    assert [(each.state, each.position) for each in mine] == [
        ("placed", None), ("placed", None), ("queued", 1), ("queued", 2),
    ]  # fmt: skip
    assert mine[3].explanation["waiting_before"] == 1


def test_free_seats_are_those_nobody_waits_for(storage: Storage) -> None:
    def free() -> int:
        with storage.reading() as connection:
            found = queries.course(connection, "fiddle")
        assert found is not None
        return found[0].free

    assert free() == 2
    ids = children(storage, 3)
    for n, each in enumerate(ids):
        applied(storage, f"a{n}", pupil_id=each)
    assert free() == 0
    with storage.unit() as unit:
        unit.connection.exec_driver_sql("UPDATE courses SET capacity = 9 WHERE course_id = 'fiddle'")
    assert free() == 0


def test_participants_have_places_offers_and_then_the_queue(storage: Storage) -> None:
    ids = children(storage, 5)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(reversed(ids))))
    withdraw(storage, "a0")
    with storage.reading() as connection:
        found = queries.participants(connection, "fiddle", TODAY)
        assert queries.participants(connection, "circus", TODAY) == []
    assert [(each.state, each.position, each.pupil.pupil_id[-1]) for each in found] == [
        ("placed", None, "3"),
        ("offered", None, "2"),
        ("queued", 1, "1"),
        ("queued", 2, "0"),
    ]


def test_a_protected_pupil_is_shown_under_its_alias(storage: Storage) -> None:
    applied(storage, "a1", pupil_id="clover")
    with storage.reading() as connection:
        (shown,) = queries.participants(connection, "fiddle", TODAY)
        (elsewhere,) = queries.pupils_elsewhere(connection, SODERBY, TODAY)
    for pupil in (shown.pupil, elsewhere.pupil):
        assert (pupil.name, pupil.given_name, pupil.protected) == ("Klöver", "Klöver", True)
        assert "Hemlig" not in repr(pupil)


def test_a_schools_courses_are_its_own_those_with_a_queue_first(storage: Storage) -> None:
    def own(code: str) -> list[str]:
        with storage.reading() as connection:
            return [course.course_id for course in queries.courses_of_school(connection, code)]

    assert own(NORRBY) == ["dance", "fiddle"]
    for n, each in enumerate(children(storage, 3)):
        applied(storage, f"a{n}", pupil_id=each)
    assert own(NORRBY) == ["fiddle", "dance"]
    assert own(SODERBY) == ["circus"]
    assert own(UTBY) == []
    assert own("19") == ["fiddle", "circus", "dance"]  # the county's


def test_own_pupils_elsewhere(storage: Storage) -> None:
    applied(storage, "a1", pupil_id="noor")
    applied(storage, "a2", "circus", "noor")  # at home
    applied(storage, "a3", "circus", "alma")
    applied(storage, "a4", "circus", "leo")
    withdraw(storage, "a4")

    def elsewhere(code: str) -> list[str]:
        with storage.reading() as connection:
            return [each.application_id for each in queries.pupils_elsewhere(connection, code, TODAY)]

    assert (elsewhere(NORRBY), elsewhere(SODERBY), elsewhere(UTBY)) == (["a3"], ["a1"], [])
    assert elsewhere("19") == ["a1", "a3"]


def test_where_one_lived_when_one_applied_is_what_counts(storage: Storage) -> None:
    applied(storage, "a1")
    with storage.unit() as unit:
        unit.connection.exec_driver_sql(
            f"UPDATE pupils SET home_municipality = '{SODERBY}' WHERE pupil_id = 'alma'"
        )
    with storage.reading() as connection:
        assert queries.pupils_elsewhere(connection, SODERBY, TODAY) == []


def test_hosts(storage: Storage) -> None:
    applied(storage, "a1", "circus", "noor")
    with storage.reading() as connection:
        assert queries.host_of_course(connection, "circus") == SODERBY
        assert queries.host_of_course(connection, "nothing") is None
        assert queries.host_of_application(connection, "a1") == SODERBY
        assert queries.host_of_application(connection, "a2") is None
        assert queries.course(connection, "nothing") is None
        assert queries.application(connection, "nothing", TODAY) is None


def test_what_has_happened_in_its_order(storage: Storage) -> None:
    applied(storage, "a1")
    tell(storage, CANCELLED)
    with storage.reading() as connection:
        events = queries.events(connection, "a1")
        application = queries.application(connection, "a1", TODAY)
    assert {(event.what, event.why) for event in events} == {
        ("placed", "free_seat"),
        ("ended", "course_cancelled"),
    }
    assert application is not None
    assert (application.is_active, application.course.cancelled) == (False, True)


@both
def test_a_long_list_costs_no_more_statements_than_a_short_one(storage: Storage) -> None:
    tell(storage, replace(FIDDLE, capacity=10), TERM)
    ids = children(storage, 60)
    statements: list[str] = []
    sa.event.listen(
        storage.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )

    def cost() -> int:
        with storage.reading() as connection:
            statements.clear()
            queries.participants(connection, "fiddle", TODAY)
        return len([statement for statement in statements if statement.startswith("SELECT")])

    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids[:11])))
    short = cost()
    decide(storage, *(request(f"b{n}", pupil_id=each) for n, each in enumerate(ids[11:])))
    assert 3 < short <= 13
    assert cost() == short

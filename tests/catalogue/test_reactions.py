"""How full a course is comes from enrolment's facts."""

from services.catalogue import checks
from services.catalogue.domain.course_import import course_id_of
from services.catalogue.queries import courses
from services.catalogue.reactions import REACTIONS, on_course_seats_changed
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import CourseSeatsChanged
from tests.catalogue.small_county import TERM

VIOLIN = course_id_of(TERM, "norrby-violin")


def seats(storage: Storage) -> tuple[int, int, int]:
    with storage.reading() as connection:
        view = courses.course(connection, VIOLIN)
    return view.taken, view.free, view.waiting


def tell(storage: Storage, fact: CourseSeatsChanged) -> None:
    with storage.unit() as unit:
        REACTIONS[CourseSeatsChanged](unit, fact)


def test_nobody_has_applied_yet(storage: Storage) -> None:
    assert seats(storage) == (0, 5, 0)


def test_the_last_fact_stands_and_twice_is_once(storage: Storage) -> None:
    tell(storage, CourseSeatsChanged(VIOLIN, capacity=5, taken=3, waiting=0))
    for _ in range(2):
        tell(storage, CourseSeatsChanged(VIOLIN, capacity=5, taken=5, waiting=2))
    assert seats(storage) == (5, 0, 2)


def test_several_facts_in_one_unit(storage: Storage) -> None:
    with storage.unit() as unit:
        for taken in (1, 2, 3):
            on_course_seats_changed(unit, CourseSeatsChanged(VIOLIN, 5, taken, 0))
    assert seats(storage)[0] == 3


def test_a_fact_about_an_unknown_course_is_kept_for_later(empty: Storage) -> None:
    tell(empty, CourseSeatsChanged(VIOLIN, 5, 1, 0))
    with empty.reading() as connection:
        assert checks.check(connection) == []


def test_more_taken_than_there_are_is_told_by_the_checks(storage: Storage) -> None:
    tell(storage, CourseSeatsChanged(VIOLIN, capacity=5, taken=6, waiting=0))
    with storage.reading() as connection:
        broken = checks.check(connection)
    assert len(broken) == 1
    assert VIOLIN in broken[0]
    assert seats(storage)[1] == 0

"""What staff download and read of a course and of a school, and what they change of a pupil."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from datetime import date

import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_book import Answering
from services.enrolment import commands
from services.enrolment.tables import applications, pupils
from tests.enrolment.pages.visitor import Visitor
from tests.enrolment.story import (
    FIDDLE,
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    SODERBY,
    TERM,
    applied,
    children,
    number,
    request,
    tell,
)
from tests.enrolment.story import decide as decided


def sheets(data: bytes) -> str:
    """The XML of a workbook's sheets and of its texts."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return "".join(
            file.read(name).decode()
            for name in file.namelist()
            if name.startswith("xl/worksheets/") or name == "xl/sharedStrings.xml"
        )


def test_a_name_that_looks_like_a_formula_is_text_in_the_workbook(storage: Storage, staff: Visitor) -> None:
    with storage.unit() as unit:
        unit.execute(sa.update(pupils).where(pupils.c.pupil_id == "alma").values(given_name="=1+1"))
    applied(storage)
    applied(storage, "a2", "fiddle", "clover")
    answer = staff.client.get("/staff/courses/fiddle/participants.xlsx")
    text = sheets(answer.data)
    assert "=1+1 Hellström" in text
    assert "<f>" not in text
    assert "Klöver" in text
    assert "Skyddad" not in text
    assert "Söderby" not in text


def test_small_numbers_are_not_told_on_the_page(storage: Storage, staff: Visitor) -> None:
    tell(storage, replace(FIDDLE, capacity=20))
    ours, theirs = children(storage, 9), children(storage, 3, SODERBY)
    decided(storage, *(request(each, pupil_id=each) for each in [*ours, *theirs]))
    text = staff.reads("/staff/statistics")
    assert "too few to tell" in text
    assert "By home municipality" in text
    assert "6–9" in text
    swedish = staff.reads("/staff/statistics", language="sv")
    assert "Statistik" in swedish
    assert "för få för att visas" in swedish
    staff.reads("/staff/statistics?term=nothing", status=404)


def test_unmet_demand_first_timers_and_the_zero_queue_have_charts(storage: Storage, staff: Visitor) -> None:
    tell(storage, replace(FIDDLE, capacity=6))
    theirs = children(storage, 13)
    decided(storage, *(request(each, pupil_id=each) for each in theirs))
    text = staff.reads("/staff/statistics")
    sections = {part.split("</h2>")[0]: part for part in text.split("<h2>")[1:]}
    waiting = sections["Wait without a place, by home municipality"]
    assert re.search(r"Norrby</span>.*?chart__value\">7<", waiting, re.DOTALL)
    new = sections["First-time pupils, by home municipality"]
    assert re.search(r"Norrby</span>.*?chart__value\">6<", new, re.DOTALL)
    assert "1 of 2" in sections["Courses without a queue, by art form or subject"]


def test_the_statistics_open_on_the_term_in_which_something_happens(storage: Storage, staff: Visitor) -> None:
    applied(storage)
    tell(storage, replace(TERM, term_id="ht27", starts_on=date(2027, 8, 20), ends_on=date(2027, 12, 18)))
    tell(storage, replace(FIDDLE, course_id="later", term_id="ht27"))
    text = staff.reads("/staff/statistics")
    assert 'href="/staff/statistics?term=vt27" aria-current="page"' in text


def test_the_states_figures_are_exact(storage: Storage, staff: Visitor) -> None:
    applied(storage)
    answer = staff.client.get("/staff/statistics/vt27/kulturradet.xlsx")
    assert answer.status_code == 200
    assert "not for publication" in sheets(answer.data)
    assert staff.client.get("/staff/statistics/nothing/kulturradet.xlsx").status_code == 404


def test_staff_of_the_home_municipality_record_a_move(storage: Storage, staff: Visitor) -> None:
    applied(storage)
    text = staff.reads("/staff/pupils/alma")
    assert "Alma Hellström" in text
    assert "Saturday fiddle" in text
    assert "Eleven har flyttat" in staff.reads("/staff/pupils/alma", language="sv")
    staff.sends("/staff/pupils/alma/move", municipality=SODERBY, moved_on="2026-11-20", why="A new address.")
    staff.reads("/staff/pupils/alma", status=403)  # it is another municipality's pupil now
    with storage.reading() as connection:
        home = connection.scalar(sa.select(pupils.c.home_municipality).where(pupils.c.pupil_id == "alma"))
        state = connection.scalar(sa.select(applications.c.state))
    assert (home, state) == (SODERBY, "placed")


def test_what_staff_change_of_a_pupil_is_told_with_its_reason(storage: Storage, staff: Visitor) -> None:
    staff.sends("/staff/pupils/alma/record", has_relief="1", school_municipality=SODERBY, why="Decision 12")
    text = staff.reads("/staff/pupils/alma")
    assert "What is recorded was changed. Decision 12" in text
    staff.sends("/staff/pupils/alma/guardian", guardian_id="samira", why="Both")
    known = number(date(2016, 2, 9))  # a protected pupil's
    answer = staff.sends("/staff/pupils/alma/identity", status=409, personal_identity=known, why="x")
    assert "another protection" in answer.text
    answer = staff.sends("/staff/pupils/alma/guardian", status=404, guardian_id="nobody", why="x")
    assert "No guardian has this id." in answer.text


def test_other_municipalities_and_families_see_no_pupil_page(storage: Storage, visitor: Visitor) -> None:
    visitor.is_staff(SODERBY).reads("/staff/pupils/alma", status=403)
    visitor.is_staff(NORRBY).reads("/staff/pupils/nobody", status=404)
    visitor.is_family("maria").reads("/staff/pupils/alma", status=403)
    visitor.is_family("maria").reads("/staff/statistics", status=403)


def test_a_decision_is_read_with_rule_facts_price_and_what_happened(storage: Storage, staff: Visitor) -> None:
    for n, each in enumerate(children(storage, 3)):
        applied(storage, f"a{n}", pupil_id=each)
    text = staff.reads("/staff/applications/a2")
    for said in (
        "The pupil lives in the municipality that holds the course",
        "850.00",
        "2 of 2",
        "The queue goes by date of application",
    ):
        assert said in text, said
    assert "Beslutet" in staff.reads("/staff/applications/a2", language="sv")
    staff.reads("/staff/applications/nothing", status=404)


def test_the_home_municipality_sets_its_ceiling(storage: Storage, visitor: Visitor) -> None:
    staff = visitor.is_staff(SODERBY)
    assert "No ceiling is set." in staff.reads("/staff/ceilings")
    staff.sends("/staff/ceilings", term_id="vt27", most_places="1", most_kronor="1 500,50")
    theirs = children(storage, 2, SODERBY)
    decided(storage, *(request(each, pupil_id=each) for each in theirs))
    text = staff.reads("/staff/ceilings")
    assert "Used: 1 places, SEK 850.00 in fees." in text
    answer = staff.sends("/staff/ceilings", status=422, term_id="vt27", most_kronor="many")
    assert "Write an amount in kronor with figures" in answer.text
    assert 'value="many"' in answer.text
    staff.sends("/staff/ceilings", status=404, term_id="nothing")


def test_my_page_says_who_is_ahead_by_kind_and_the_last_day_to_answer(
    storage: Storage, visitor: Visitor
) -> None:
    tell(
        storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, answering=Answering(answer_days=4)))
    )
    first, second = children(storage, 2)
    for application_id, pupil_id in (("a0", first), ("a1", second), ("b1", "noor"), ("mine", "alma")):
        applied(storage, application_id, pupil_id=pupil_id)
    maria = visitor.is_family(MARIA)
    assert "1 with an earlier queue date" in maria.reads("/my")
    assert "1 med ett tidigare ködatum" in maria.reads("/my/applications/mine", language="sv")
    for gone in ("a0", "a1"):
        with storage.unit() as unit:
            commands.withdraw(unit, gone, "the tests")
    text = maria.reads("/my/applications/mine")
    assert "The last day to answer is 30 November 2026." in text
    assert "the queue date is lost" in text
    assert "Sista dagen att svara är 30 november 2026." in maria.reads("/my", language="sv")


def test_the_address_of_a_pupil_of_age(storage: Storage, visitor: Visitor) -> None:
    staff = visitor.is_staff(SODERBY)
    assert "The pupil’s own e-mail address" in staff.reads("/staff/pupils/anton")
    staff.sends("/staff/pupils/anton/contact", email="anton@example.se", language="en", why="It came by.")
    text = staff.reads("/staff/pupils/anton")
    assert "The pupil's address for letters was recorded" in text
    assert "anton@example.se" not in text
    staff.sends("/staff/pupils/anton/contact", 422, email="no address", why="x")
    assert "Elevens egen e-postadress" in staff.reads("/staff/pupils/anton", language="sv")
    assert "own e-mail address" not in visitor.is_staff(NORRBY).reads("/staff/pupils/alma")

"""Staff find a pupil: their municipality's own, and those who have applied at their school."""

from __future__ import annotations

import html

import pytest

from services.chassis.storage.engine import Storage
from tests.enrolment.pages.visitor import Visitor
from tests.enrolment.story import ALMA, CLOVER, NORRBY, SODERBY, applied, children


def found(staff: Visitor, text: str) -> str:
    page = html.unescape(staff.sends("/staff/pupils", 200, text=text).text)
    return page.split("<main")[1].split("</main>")[0]


def test_own_pupils_by_a_part_of_the_name(storage: Storage, staff: Visitor) -> None:
    assert "Find a pupil" in staff.reads("/staff")
    assert "Name or personal identity number" in staff.reads("/staff/pupils")
    for text in ("Alma", "alma", "ma Hell", "hellström", "ALMA", " Alma  Hellström "):
        assert '<a href="/staff/pupils/alma">Alma Hellström</a>' in found(staff, text), text
    assert "Nobody by that name" in found(staff, "Xerxes")
    assert "Nobody by that name" in found(staff, "%%")
    assert "Alma" not in found(staff.is_staff(SODERBY), "alma").replace('value="alma"', "")


def test_by_number(storage: Storage, staff: Visitor) -> None:
    number = ALMA.personal_identity
    for text in (number, f"{number[:8]}-{number[8:]}", number[2:], f"{number[2:8]}-{number[8:]}"):
        assert "/staff/pupils/alma" in found(staff, text)
    assert "Nobody by that name" in found(staff, number[-4:])  # too little of it to say who it is


def test_guests_once_they_have_applied(storage: Storage, staff: Visitor) -> None:
    assert "Nobody by that name" in found(staff, "Noor")
    applied(storage, "a1", pupil_id="noor")
    page = found(staff, "Noor")
    assert "Noor Haddad" in page
    assert "/staff/pupils/noor" not in page  # its home's page
    assert '<a href="/staff/applications/a1">Saturday fiddle</a>' in page


def test_a_protected_pupil_by_its_alias_alone(storage: Storage, staff: Visitor) -> None:
    applied(storage, "a1", pupil_id="clover")
    assert "Klöver" in found(staff, "klöver")
    for secret in (CLOVER.given_name, CLOVER.family_name, CLOVER.personal_identity):
        assert "Nobody by that name" in found(staff, secret)
    assert "Söderby" not in found(staff, "klöver").replace("Söderby kulturskola", "")
    home = staff.is_staff(SODERBY)
    assert '<a href="/staff/pupils/clover">Klöver</a>' in found(home, CLOVER.personal_identity)


def test_fifty_and_more(storage: Storage, staff: Visitor) -> None:
    children(storage, 51, NORRBY)
    page = found(staff, "Barn")
    assert "Only the first 50 are shown" in page
    assert page.count("/staff/pupils/child") == 50


@pytest.mark.parametrize("text", ["", "a", "x" * 101])
def test_too_little_or_too_much(storage: Storage, staff: Visitor, text: str) -> None:
    page = html.unescape(staff.sends("/staff/pupils", 422, text=text).text)
    assert "Fill this in." in page or "Write 2 to 100 characters." in page


def test_only_staff_search_and_no_name_is_taken_from_an_address(visitor: Visitor, maria: Visitor) -> None:
    maria.reads("/staff/pupils", 403)
    assert 'value="Alma"' not in visitor.is_staff().reads("/staff/pupils?text=Alma")

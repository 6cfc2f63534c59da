"""A form in which something does not fit comes back with what was typed and says at the field what to do."""

from __future__ import annotations

import html
import re

import pytest

from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment.tables import application_events, applications, ceilings, pupil_events, pupils, rounds
from tests.enrolment.pages.visitor import Visitor, entered
from tests.enrolment.story import SODERBY, applied, count

FILL_IN = "Fill this in."


def came_back(page: str, field: str, sentence: str, kept: str = "") -> None:
    """The sentence stands at the field, and above the form as a link to it; what was typed is there."""
    marked = re.search(rf'<(?:input|select)[^>]*name="{field}"[^>]*aria-invalid="true"[^>]*>', page)
    assert marked, f"nothing is said at {field}"
    described = re.search(r'aria-describedby="(?:[^"]* )?([^" ]+-error)"', marked[0])
    assert described
    assert f'id="{described[1]}"' in page
    assert page.count(sentence) == 2
    target = re.search(r'role="alert".*?<a href="#([^"]+)"', page, re.DOTALL)
    assert target
    assert f'id="{target[1]}"' in page
    assert kept in page


def sent(visitor: Visitor, path: str, **form: str) -> str:
    return html.unescape(visitor.sends(path, 422, **form).text)


@pytest.mark.parametrize("blank", ["", "   ", "\u2003"])
def test_a_child_without_a_name(maria: Visitor, storage: Storage, blank: str) -> None:
    form = {
        "pupil_id": entered()["pupil_id"],
        "personal_identity": "20170102-2384",
        "given_name": blank,
        "family_name": "Hellström-Ny",
    }
    before = count(storage, pupils)
    page = sent(maria, "/my/children/new", **form)
    came_back(page, "given_name", FILL_IN, 'value="Hellström-Ny"')
    assert f'value="{form["pupil_id"]}"' in page
    maria.client.set_cookie(LANGUAGE_COOKIE, "sv")
    assert "Fyll i det här." in sent(maria, "/my/children/new", **form)
    assert count(storage, pupils) == before


@pytest.mark.parametrize(
    ("seats", "sentence"),
    [
        ("0", "Write a number from 1 to 10000."),
        ("-1", "Write a number from 1 to 10000."),
        ("abc", "Write a whole number with figures."),
    ],
)
def test_a_number_of_seats_that_is_none(full: Storage, staff: Visitor, seats: str, sentence: str) -> None:
    page = staff.reads(f"/staff/courses/fiddle/offers?seats={seats}", 422)
    assert sentence in page
    assert FILL_IN not in page


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("most_places", "-3", "Write a number from 0 to 100000."),
        ("most_places", "tio", "Write a whole number with figures."),
        ("most_places", "2,5", "Write a whole number with figures."),
        ("most_kronor", "-3", "Write an amount in kronor with figures, for instance 500."),
    ],
)
def test_a_ceiling(storage: Storage, staff: Visitor, field: str, typed: str, sentence: str) -> None:
    page = sent(staff, "/staff/ceilings", term_id="vt27", **{field: typed})
    came_back(page, field, sentence, f'value="{typed}"')
    assert count(storage, ceilings) == 0


def test_no_ceiling_is_said_as_none(storage: Storage, staff: Visitor) -> None:
    staff.sends("/staff/ceilings", term_id="vt27", most_places="", most_kronor="")
    assert "There is no ceiling for the term now." in staff.reads("/staff/ceilings")
    staff.sends("/staff/ceilings", term_id="vt27", most_kronor="1 500,50")
    page = staff.reads("/staff/ceilings")
    assert "The ceiling is set." in page
    assert 'value="1,500.50"' in page
    staff.sends("/staff/ceilings", term_id="vt27", most_kronor="1,500.50")
    assert 'value="1,500.50"' in staff.reads("/staff/ceilings")


@pytest.mark.parametrize(
    ("change", "field", "form", "sentence"),
    [
        ("record", "leaves_upper_secondary", {"leaves_upper_secondary": "20"}, "from 2000 to 2100."),
        ("record", "leaves_upper_secondary", {"leaves_upper_secondary": "20x9"}, "a whole number"),
        ("record", "why", {"why": "   ", "has_relief": "1"}, FILL_IN),
        ("move", "municipality", {"moved_on": "2026-11-20"}, FILL_IN),
        ("move", "moved_on", {"municipality": "1960", "moved_on": "2026-02-29"}, "Write a date"),
        ("protection", "alias", {"protected": "1", "alias": " "}, FILL_IN),
    ],
)
def test_what_has_changed_of_a_pupil(
    storage: Storage, staff: Visitor, change: str, field: str, form: dict[str, str], sentence: str
) -> None:
    page = sent(staff, f"/staff/pupils/alma/{change}", **{"why": "the family called", **form})
    came_back(page, field, sentence)
    if "why" not in form:
        assert 'value="the family called"' in page
    if "has_relief" in form:
        assert re.search(r'name="has_relief" checked', page)
    assert count(storage, pupil_events) == 0


def test_an_application_on_paper(storage: Storage, staff: Visitor) -> None:
    page = sent(staff, "/staff/courses/fiddle/enter", **entered(home_municipality="", given_name="Bodil"))
    came_back(page, "home_municipality", FILL_IN, 'value="Bodil"')
    page = sent(staff, "/staff/courses/fiddle/enter", **entered(applied_on="20 nov", protected="1"))
    came_back(page, "applied_on", "Write a date", 'name="protected" checked')
    assert count(storage, applications) == 0


def test_staff_must_choose_where_a_pupil_lives(storage: Storage, staff: Visitor) -> None:
    """Nothing is chosen beforehand, so that nobody is registered in the first of the list by a slip."""
    for path, name in (
        ("/staff/courses/fiddle/enter", "home_municipality"),
        ("/staff/pupils/alma", "municipality"),
    ):
        choice = re.search(rf'<select[^>]*name="{name}".*?</select>', staff.reads(path), re.DOTALL)
        assert choice
        assert re.search(r'<option value="" selected>', choice[0])
        assert choice[0].count("selected") == 1


@pytest.mark.parametrize(
    ("act", "field", "form"),
    [
        ("", "why", {"action": "withdraw", "why": " "}),
        ("", "action", {"action": "", "why": "the mother called"}),
        ("/choose", "why", {"why": ""}),
    ],
)
def test_what_a_family_asked_for(
    storage: Storage, staff: Visitor, act: str, field: str, form: dict[str, str]
) -> None:
    applied(storage, "a1")
    page = html.unescape(staff.sends(f"/staff/applications/a1{act}", 422, **form).text)
    assert FILL_IN in page
    if form.get("why", "").strip():
        assert f'value="{form["why"]}"' in page
    assert count(storage, application_events) == 1


def test_a_fritidskort_that_is_no_amount(storage: Storage, maria: Visitor) -> None:
    form = {"application_id": entered()["application_id"], "pupil_id": "alma", "voucher": "lots"}
    for path in ("/apply/fiddle", "/apply/fiddle/price"):
        page = sent(maria, path, **form)
        assert "Write an amount in kronor with figures, for instance 500." in page
        assert f'value="{form["application_id"]}"' in page
    assert count(storage, applications) == 0
    applied(storage, "a1")
    page = sent(maria, "/my/applications/a1/choose", voucher="lots")
    assert "Write an amount in kronor with figures, for instance 500." in page


def test_a_round_with_no_number(storage: Storage, staff: Visitor) -> None:
    form = {"round_id": entered()["application_id"], "term_id": "vt27", "most_wishes": "3"}
    page = sent(staff, "/staff/rounds", **{**form, "most_wishes": "11"})
    came_back(page, "most_wishes", "Write a number from 1 to 10.", 'value="11"')
    page = sent(staff, "/staff/rounds", **form, **{f"reserved_{SODERBY}": "many"})
    came_back(page, f"reserved_{SODERBY}", "Write a whole number with figures.", 'value="many"')
    assert count(storage, rounds) == 0

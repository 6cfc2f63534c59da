"""The children whom a round leaves without any place: who sees them, and what staff do for them."""

from __future__ import annotations

import html
import re

import pytest
from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.enrolment.protection import protect_pupil
from services.enrolment.rounds.acting import ForChild, apply_for_child
from services.enrolment.tables import round_results
from tests.enrolment.pages.visitor import Visitor, withdraw
from tests.enrolment.rounds.story import (
    STAFF,
    open_round,
    publish,
    rank,
    refused,
    run,
    schools_give_places_in_rounds,
)
from tests.enrolment.story import MARIA, NORRBY, SAMIRA, SODERBY, children, rows_of
from tests.web import bearer


@pytest.fixture
def visitor(client: Client, composition: Composition) -> Visitor:
    return Visitor(client, composition)


@pytest.fixture
def three(storage: Storage) -> list[str]:
    """Three children of Norrby rank its fiddle course of two seats; one is without a place."""
    return _rank_the_fiddle(storage, NORRBY, MARIA)


@pytest.fixture
def guests(storage: Storage) -> list[str]:
    """Three children of Söderby rank Norrby's course."""
    return _rank_the_fiddle(storage, SODERBY, SAMIRA)


def _rank_the_fiddle(storage: Storage, home: str, guardian: str) -> list[str]:
    schools_give_places_in_rounds(storage)
    open_round(storage, scope=NORRBY)
    theirs = children(storage, 3, home, guardian)
    for each in theirs:
        rank(storage, guardian, [each], ["fiddle"])
    return theirs


def without(storage: Storage) -> str:
    """The one who waits."""
    (found,) = [row.pupil_id for row in rows_of(storage).values() if row.state == "queued"]
    return str(found)


def apply_for(storage: Storage, pupil_id: str, course_id: str, application_id: str = "b1") -> str:
    with storage.unit() as unit:
        asked = ForChild("r1", application_id, pupil_id, course_id, "the mother called")
        return apply_for_child(unit, asked, STAFF).state


def test_before_it_is_run_staff_are_asked_and_nothing_happens(
    storage: Storage, visitor: Visitor, three: list[str]
) -> None:
    staff = visitor.is_staff()
    page = staff.reads("/staff/rounds/r1/run")
    assert "The ranking closes for good" in page
    assert "It has not been rehearsed yet." in page
    staff.sends("/staff/rounds/r1/rehearse", run_id=new_id())
    assert "The newest run: 2 with a place, 1 without." in staff.reads("/staff/rounds/r1/run")
    answer = staff.client.get("/staff/rounds/r1/publish")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/rounds/r1")
    staff.sends("/staff/rounds/r1/run", run_id=new_id())
    assert "It cannot be taken back." in staff.reads("/staff/rounds/r1/publish")
    assert rows_of(storage) == {}


def test_the_rounds_staff_read_who_ranked_and_has_none(
    storage: Storage, visitor: Visitor, three: list[str]
) -> None:
    run(storage)
    page = visitor.is_staff().reads("/staff/rounds/r1")
    assert "So it would be if the newest run were published." in page
    assert len(re.findall(r"<h3>.*Barn .*</h3>", page)) == 1
    assert "Full: others were ahead" in page
    assert "Apply for the child" not in page  # a seat may be another child's until it is published


def test_staff_apply_for_a_child(storage: Storage, visitor: Visitor, three: list[str]) -> None:
    run(storage)
    publish(storage)
    child = without(storage)
    staff = visitor.is_staff()
    page = staff.reads("/staff/rounds/r1")
    assert "1 child that ranked has no place by now." in page
    assert "Waits for Saturday fiddle" in page
    assert re.search(r'<option value="dance">[^<]*5 free seats', page)
    form = {"application_id": new_id(), "pupil_id": child, "course_id": "dance", "why": "the mother called"}
    for _ in range(2):  # a double click
        answer = staff.sends("/staff/rounds/r1/apply", **form)
        assert answer.headers["Location"] == "/staff/rounds/r1#without"
    page = staff.reads("/staff/rounds/r1")
    assert "The pupil has a place." in page
    assert "Every child that ranked has a place by now." in page
    decision = staff.reads(f"/staff/applications/{form['application_id']}")
    assert decision.count("the mother called") == 1


def test_what_does_not_fit_is_said_at_the_child(storage: Storage, visitor: Visitor, three: list[str]) -> None:
    run(storage)
    publish(storage)
    child = without(storage)
    form = {"application_id": new_id(), "pupil_id": child, "course_id": "dance", "why": " "}
    page = html.unescape(visitor.is_staff().sends("/staff/rounds/r1/apply", 422, **form).text)
    assert page.count("Fill this in.") == 2
    assert '<option value="dance" selected>' in page
    assert f'value="{form["application_id"]}"' in page
    assert len(rows_of(storage)) == 3


def test_what_staff_may_not_do(storage: Storage, three: list[str]) -> None:
    run(storage)
    child = three[0]
    assert refused(lambda: apply_for(storage, child, "dance")) == "round_not_published"
    publish(storage)
    child = without(storage)
    assert refused(lambda: apply_for(storage, "alma", "dance")) == "pupil_unknown"  # has not ranked
    assert refused(lambda: apply_for(storage, child, "circus")) == "course_not_in_round"
    assert refused(lambda: apply_for(storage, "\0", "dance")) == "pupil_unknown"
    assert len(rows_of(storage)) == 3
    assert apply_for(storage, child, "dance") == "placed"


def test_the_rules_of_the_course_hold(storage: Storage, guests: list[str]) -> None:
    run(storage)
    publish(storage)
    assert refused(lambda: apply_for(storage, without(storage), "dance")) == "course_not_shared"
    assert len(rows_of(storage)) == 3


def test_their_home_reads_who_has_none_anywhere(
    storage: Storage, visitor: Visitor, guests: list[str]
) -> None:
    run(storage)
    heading = "Our pupils without any place after a round"
    assert heading not in visitor.is_staff(SODERBY).reads("/staff")
    publish(storage)
    child = without(storage)
    page = visitor.is_staff(SODERBY).reads("/staff")
    listed = page.split('id="without"')[1].split("</section>")[0]
    assert f"/staff/pupils/{child}" in listed
    assert "/staff/rounds/r1" not in listed  # another municipality's
    assert heading not in visitor.is_staff(NORRBY).reads("/staff")
    placed = next(row.application_id for row in rows_of(storage).values() if row.state == "placed")
    withdraw(storage, placed)  # the seat is offered to the child
    page = visitor.is_staff(SODERBY).reads("/staff")
    listed = page.split('id="without"')[1].split("</section>")[0]
    assert f"/staff/pupils/{child}" not in listed


def test_a_protected_child_stands_under_its_alias(storage: Storage, visitor: Visitor) -> None:
    schools_give_places_in_rounds(storage)
    open_round(storage, scope=NORRBY)
    for each in (*children(storage, 2, NORRBY, MARIA), "alma"):
        rank(storage, MARIA, [each], ["fiddle"])
    run(storage)
    with storage.unit() as unit:
        row = unit.row(round_results.select().where(round_results.c.course_id.is_(None)))
        assert row is not None
        protect_pupil(unit, row.pupil_id, "Blåklint", STAFF, why="decided")
    page = visitor.is_staff().reads("/staff/rounds/r1")
    assert "<h3>Blåklint</h3>" in page
    assert f"/staff/pupils/{row.pupil_id}" not in page
    assert "Blåklint" not in visitor.reads("/staff").split("without any place")[-1]


def test_the_same_by_the_api(
    storage: Storage, client: Client, composition: Composition, three: list[str]
) -> None:
    api = "/api/enrolment/rounds/r1"
    staff = bearer(composition, role="staff", municipality=NORRBY)
    assert client.get(f"{api}/without-place", headers=staff).json == {"number": 0, "children": []}
    run(storage)
    publish(storage)
    child = without(storage)
    told = client.get(f"{api}/without-place", headers=staff).json
    assert told is not None
    assert told["number"] == 1
    (one,) = told["children"]
    assert one["pupil"]["pupil_id"] == child
    assert [(wish["course_id"], wish["outcome"]) for wish in one["wishes"]] == [("fiddle", "full")]
    assert [wait["course_id"] for wait in one["waits"]] == ["fiddle"]
    assert client.get(f"{api}/without-place?page=2", headers=staff).json == {"number": 1, "children": []}
    body = {"application_id": new_id(), "pupil_id": child, "course_id": "dance", "why": "the mother called"}
    answer = client.post(f"{api}/applications", json=body, headers=staff)
    assert (answer.status_code, answer.get_json()["state"]) == (200, "placed")
    for who in (
        bearer(composition, role="staff", municipality=SODERBY),
        bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA),
    ):
        assert client.get(f"{api}/without-place", headers=who).status_code == 403
        assert client.post(f"{api}/applications", json=body, headers=who).status_code == 403

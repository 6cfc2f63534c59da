"""A round through its pages and its API: who may do what, and what everybody reads."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from werkzeug.test import Client

from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_book import Ordering, ReservedSeats, TermDays
from tests.enrolment.rounds.story import open_round, publish, rank, run, schools_give_places_in_rounds
from tests.enrolment.story import MARIA, NORRBY, NORRBYS_RULES, SAMIRA, SODERBY, children, tell
from tests.web import bearer, sign_in

API = "/api/enrolment/rounds"


@pytest.fixture(autouse=True)
def _rounds(storage: Storage) -> None:
    schools_give_places_in_rounds(storage)


def test_staff_open_rehearse_run_and_publish(
    client: Client, composition: Composition, storage: Storage
) -> None:
    token = sign_in(client, composition, role="staff", municipality="19")
    round_id = str(uuid.uuid4())
    form = {
        "csrf_token": token,
        "round_id": round_id,
        "term_id": "vt27",
        "most_wishes": "3",
        "reserved_1902": "1",
    }
    assert "No round yet" in client.get("/staff/rounds").text
    assert client.post("/staff/rounds", data=form).headers["Location"] == f"/staff/rounds/{round_id}"
    for each in children(storage, 3, NORRBY, MARIA):
        rank(storage, MARIA, [each], ["fiddle"], round_id)
    assert "Nothing has been run" in client.get(f"/staff/rounds/{round_id}").text
    for action in ("rehearse", "rehearse", "run"):
        data = {"csrf_token": token, "run_id": str(uuid.uuid4())}
        assert client.post(f"/staff/rounds/{round_id}/{action}", data=data).status_code == 303
    page = client.get(f"/staff/rounds/{round_id}").text
    assert "The newest run compared with the one before" in page
    assert page.count("Rehearsal") == 2
    assert "Barn 000" in page  # the one without a place
    data = {"csrf_token": token, "run_id": str(uuid.uuid4())}
    assert client.post(f"/staff/rounds/{round_id}/publish", data=data).status_code == 303
    assert "Published" in client.get("/staff/rounds").text


def test_a_second_round_is_refused_on_the_page(
    client: Client, composition: Composition, storage: Storage
) -> None:
    open_round(storage)
    token = sign_in(client, composition, role="staff", municipality=NORRBY)
    form = {"csrf_token": token, "round_id": str(uuid.uuid4()), "term_id": "vt27", "most_wishes": "3"}
    answer = client.post("/staff/rounds", data=form)
    assert answer.status_code == 409
    assert "is going on" in answer.text


def test_a_municipality_keeps_out_of_another_ones_round(
    client: Client, composition: Composition, storage: Storage
) -> None:
    open_round(storage, scope=NORRBY)
    other = bearer(composition, role="staff", municipality=SODERBY)
    body = {"run_id": str(uuid.uuid4()), "kind": "final"}
    assert client.post(f"{API}/r1/runs", json=body, headers=other).status_code == 403
    assert client.get(f"{API}/r1/runs", headers=other).status_code == 403
    assert client.post(f"{API}/r1/publish", headers=other).status_code == 403
    family = bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    assert client.post(f"{API}/r1/runs", json=body, headers=family).status_code == 403
    token = sign_in(client, composition, role="staff", municipality=SODERBY)
    data = {"csrf_token": token, "run_id": str(uuid.uuid4())}
    assert client.post("/staff/rounds/r1/run", data=data).status_code == 403
    assert client.get("/staff/rounds/nothing").status_code == 404


def test_a_family_ranks_on_its_page_and_reads_why(
    client: Client, composition: Composition, storage: Storage
) -> None:
    open_round(storage)
    token = sign_in(client, composition, role="guardian", municipality=SODERBY, person_id=SAMIRA)
    assert "/my/rounds/r1" in client.get("/my").text
    data = {"csrf_token": token, "pupil_id": "noor", "wish1": "circus", "wish2": "fiddle"}
    assert client.post("/my/rounds/r1", data=data).status_code == 303
    page = client.get("/my/rounds/r1").text
    assert page.index("The circus lab") < page.index("Saturday fiddle")
    refused = client.post("/my/rounds/r1", data={**data, "wish2": "circus"})
    assert (refused.status_code, "only once" in refused.text) == (422, True)
    assert "a seed" not in page
    run(storage)
    publish(storage)
    page = client.get("/my/rounds/r1").text
    assert "Got the place" in page
    assert "Not needed" in page
    assert "a seed" in page


def test_a_family_reads_price_and_rules_before_it_ranks(
    client: Client, composition: Composition, storage: Storage
) -> None:
    open_round(storage)
    sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    page = client.get("/my/rounds/r1").text
    alma, leo = page.split("What the courses cost for")[1:]
    for said in (
        "Saturday fiddle, Norrby kulturskola: SEK", "850.00", "norrby-2024/fees/instrument",
        "The circus lab, Söderby kulturskola: no fee named", "norrby-2024/residents",
    ):  # fmt: skip
        assert said in alma, said
    assert "Courses that Leo cannot take" in leo
    assert "up to 12 years" in leo
    for said in ("at most one place in this round", "This is how the queue goes.", "the tests"):
        assert said in page, said


def test_to_apply_for_a_course_of_a_round_leads_to_the_ranking(
    client: Client, composition: Composition, storage: Storage
) -> None:
    sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    assert "No round is open for ranking" in client.get("/apply/fiddle").text
    open_round(storage, scope=NORRBY)
    page = client.get("/apply/fiddle").text
    for said in (
        "Alma may take this course", "Its places are given in an admission round", "850.00",
        'href="/my/rounds/r1"', "Leo cannot take this course", "This is how the queue goes.",
    ):  # fmt: skip
        assert said in page, said
    assert 'name="application_id"' not in page
    maria = bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    (alma, _) = client.get("/api/enrolment/courses/fiddle/verdicts", headers=maria).get_json()["verdicts"]
    assert (alma["may_apply"], alma["refusal"], alma["fee_ore"]) == (False, "course_has_round", 85000)
    run(storage)
    assert "/my/rounds/r1" not in client.get("/apply/fiddle").text


def test_staff_read_which_seats_are_kept_and_by_what(
    client: Client, composition: Composition, storage: Storage
) -> None:
    kept = (ReservedSeats(SODERBY, 1), ReservedSeats(NORRBY, 2, until=TermDays(spring="12-20")))
    book = replace(NORRBYS_RULES, admission="round", ordering=Ordering(reserved_seats=kept))
    tell(storage, RuleBookPublished("norrby-2024", book))
    token = sign_in(client, composition, role="staff", municipality=NORRBY)
    page = client.get("/staff/rounds").text
    assert "Norrby kulturskola: Söderby, 1 seat" in page
    assert "Norrby kulturskola: Norrby, 2 seats, until 20 December 2026" in page
    round_id = str(uuid.uuid4())
    form = {
        "csrf_token": token,
        "round_id": round_id,
        "term_id": "vt27",
        "most_wishes": "3",
        "reserved_1902": "0",
    }
    client.post("/staff/rounds", data=form)
    page = client.get(f"/staff/rounds/{round_id}").text
    assert "Norrby kulturskola: Norrby, 2 seats" in page
    assert "Norrby kulturskola: Söderby" not in page  # none, as staff set it
    assert "<li>Söderby: 0</li>" in page
    staff = bearer(composition, role="staff", municipality=NORRBY)
    (norrby,) = client.get(f"{API}/{round_id}/kept", headers=staff).get_json()["kept"]
    assert (norrby["municipality_code"], norrby["seats"], norrby["until"]) == (NORRBY, 2, "2026-12-20")


def test_families_see_their_own_rankings_only(
    client: Client, composition: Composition, storage: Storage
) -> None:
    open_round(storage)
    maria = bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    samira = bearer(composition, role="guardian", municipality=SODERBY, person_id=SAMIRA)
    body = {"pupil_ids": ["alma"], "course_ids": ["fiddle", "dance"]}
    answer = client.post(f"{API}/r1/rankings", json=body, headers=maria).get_json()
    assert [each["course_ids"] for each in answer["rankings"]] == [["fiddle", "dance"]]
    assert client.get(f"{API}/r1/rankings", headers=samira).get_json() == {"rankings": []}
    assert client.post(f"{API}/r1/rankings", json=body, headers=samira).status_code == 404
    assert client.get(f"{API}/r1/explanations", headers=maria).get_json() == {"explanations": []}
    run(storage)
    publish(storage)
    (told,) = client.get(f"{API}/r1/explanations", headers=maria).get_json()["explanations"]
    assert [(each["course_id"], each["outcome"]) for each in told["wishes"]] == [
        ("fiddle", "placed"),
        ("dance", "not_needed"),
    ]
    (only,) = client.get(API, headers=samira).get_json()["rounds"]
    assert (only["state"], only["seed"], only["ranked"]) == ("published", "a seed", 1)


def test_staff_do_it_all_by_api(client: Client, composition: Composition, storage: Storage) -> None:
    staff = bearer(composition, role="staff", municipality="19")
    round_id, run_id = str(uuid.uuid4()), str(uuid.uuid4())
    new = {"round_id": round_id, "term_id": "vt27", "most_wishes": 3, "reserved": {NORRBY: 1}}
    assert client.post(API, json=new, headers=staff).status_code == 201
    rank(storage, MARIA, ["alma"], ["fiddle"], round_id)
    (first,) = client.post(
        f"{API}/{round_id}/runs", json={"run_id": run_id, "kind": "final"}, headers=staff
    ).get_json()["runs"]
    assert (first["placed"], first["by_wish"], first["without"]) == (1, {"1": 1}, {})
    assert client.post(f"{API}/{round_id}/publish", headers=staff).get_json()["state"] == "published"

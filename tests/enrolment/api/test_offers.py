"""Bulk offers through the API."""

from __future__ import annotations

from dataclasses import replace

from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_book import Answering
from tests.enrolment.api.asking import Headers, get, post
from tests.enrolment.story import FIDDLE, NORRBYS_RULES, children, decide, request, states, tell


def test_preview_and_offer(client: Client, norrby: Headers, soderby: Headers, storage: Storage) -> None:
    book = replace(NORRBYS_RULES, answering=Answering(offers="by_staff"))
    tell(storage, RuleBookPublished("norrby-2024", book))
    ids = children(storage, 4)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    tell(storage, replace(FIDDLE, capacity=3))
    found = get(client, "/courses/fiddle/offers?seats=5", norrby)
    assert found["offered"] == 1
    (course,) = found["courses"]
    assert (course["course_id"], course["free"], course["waiting"], course["answer_by"]) == (
        "fiddle", 1, 2, None,
    )  # fmt: skip
    assert [(each["application_id"], each["is_offered"], each["why"]) for each in course["lines"]] == [
        ("a2", True, "queue_date")
    ]
    body = {"bulk_id": new_id(), "digest": found["digest"], "seats": 5}
    assert post(client, "/courses/fiddle/offers", soderby, body, 403)["name"] == "municipality_not_yours"
    stale = {**body, "bulk_id": new_id(), "digest": "0" * 64}
    assert post(client, "/courses/fiddle/offers", norrby, stale, 409)["name"] == "queue_changed"
    assert [post(client, "/courses/fiddle/offers", norrby, body)["offered"] for _ in range(2)] == [1, 1]
    assert states(storage)["a2"] == "offered"
    get(client, "/courses/nothing/offers", norrby, 404)


def test_all_courses_of_the_school(
    client: Client, norrby: Headers, soderby: Headers, storage: Storage
) -> None:
    book = replace(NORRBYS_RULES, answering=Answering(offers="by_staff"))
    tell(storage, RuleBookPublished("norrby-2024", book))
    ids = children(storage, 3)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    tell(storage, replace(FIDDLE, capacity=3))
    assert get(client, "/offers", soderby)["courses"] == []
    found = get(client, "/offers", norrby)
    assert post(client, "/offers", norrby, {"bulk_id": new_id(), "digest": found["digest"]}) == {"offered": 1}
    assert states(storage)["a2"] == "offered"

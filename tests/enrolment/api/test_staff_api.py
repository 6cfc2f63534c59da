"""What staff change and read by the API: a pupil's life, what a family asked for, ceilings and figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date as day
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import ContactRegistered
from services.contracts.fact import LocalText
from services.contracts.rule_prices import Pricing, Rental
from services.enrolment.tables import pupil_events, pupils
from tests.enrolment.api.asking import API, Headers, get, post
from tests.enrolment.pages.visitor import withdraw
from tests.enrolment.story import (
    ALMA,
    CLOVER,
    LEO,
    NORRBY,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    applied,
    children,
    count,
    decide,
    facts,
    number,
    request,
    rows_of,
    states,
    tell,
)

WHY = {"why": "The guardian showed the paper."}


def put(client: Client, path: str, headers: Headers, body: Any, status: int = 200) -> Any:
    answer = client.put(API + path, headers=headers, json=body)
    assert answer.status_code == status, answer.text
    return answer.json


class TestLife:
    def test_a_move(self, client: Client, norrby: Headers, soderby: Headers, storage: Storage) -> None:
        applied(storage)
        body = {"municipality": SODERBY, "moved_on": "2026-11-20", **WHY}
        post(client, "/pupils/alma/move", norrby, body)
        assert get(client, "/pupils/alma", norrby, 403)["name"] == "municipality_not_yours"
        found = get(client, "/pupils/alma", soderby)
        assert (found["pupil"]["home"]["code"], found["moved_on"]) == (SODERBY, "2026-11-20")
        assert [(each["what"], each["why"]) for each in found["events"]] == [("moved", WHY["why"])]
        assert [(each["state"], each["basis"]) for each in found["applications"]] == [
            ("placed", "norrby-2024/residents")
        ]

    def test_a_new_number_and_two_records_become_one(
        self, client: Client, norrby: Headers, storage: Storage
    ) -> None:
        (twin,) = children(storage, 1)
        body = {"personal_identity": number(day(2017, 6, 1), 240), **WHY}
        post(client, "/pupils/alma/identity", norrby, body)
        applied(storage, "a1", pupil_id="alma")
        post(client, f"/pupils/{twin}/identity", norrby, body)
        found = get(client, f"/pupils/{twin}", norrby)
        assert [each["application_id"] for each in found["applications"]] == ["a1"]
        assert {"merged", "identity_corrected"} == {each["what"] for each in found["events"]}
        get(client, "/pupils/alma", norrby, 404)

    def test_a_second_guardian(
        self, client: Client, norrby: Headers, samira: Headers, storage: Storage
    ) -> None:
        applied(storage)
        post(client, "/pupils/alma/guardian", norrby, {"guardian_id": SAMIRA, **WHY})
        assert [each["application_id"] for each in get(client, "/applications", samira)["applications"]] == [
            "a1"
        ]
        problem = post(client, "/pupils/alma/guardian", norrby, {"guardian_id": "nobody", **WHY}, 404)
        assert problem["name"] == "guardian_unknown"

    def test_what_is_recorded(self, client: Client, norrby: Headers) -> None:
        body = {"school_municipality": SODERBY, "has_relief": True, "leaves_upper_secondary": 2030, **WHY}
        post(client, "/pupils/leo/record", norrby, body)
        found = get(client, "/pupils/leo", norrby)
        assert (found["school_municipality"], found["has_relief"], found["leaves_upper_secondary"]) == (
            SODERBY, True, 2030,
        )  # fmt: skip

    def test_with_whom_it_lives(self, client: Client, norrby: Headers, storage: Storage) -> None:
        post(client, "/pupils/alma/household", norrby, {"with_number": LEO.personal_identity, **WHY})
        both = pupils.c.pupil_id.in_(("alma", "leo"))
        with storage.reading() as connection:
            homes = set(connection.scalars(sa.select(pupils.c.household).where(both)))
        assert len(homes) == 1
        assert None not in homes
        assert [each["what"] for each in get(client, "/pupils/alma", norrby)["events"]] == [
            "household_recorded"
        ]

    @pytest.mark.parametrize(
        ("change", "body", "status", "name"),
        [
            ("move", {"municipality": NORRBY, "moved_on": "2026-11-20"}, 422, "lives_there"),
            ("move", {"municipality": "0180", "moved_on": "2026-11-20"}, 422, "municipality_unknown"),
            ("move", {"municipality": SODERBY, "moved_on": "2026-11-25"}, 422, "moved_in_future"),
            ("move", {"municipality": "Söderby", "moved_on": "2026-11-20"}, 422, "input_invalid"),
            ("identity", {"personal_identity": "20170314-0000"}, 422, "personal_identity_invalid"),
            ("identity", {"personal_identity": CLOVER.personal_identity}, 409, "protection_differs"),
            ("record", {"school_municipality": "0180"}, 422, "municipality_unknown"),
            ("contact", {"email": "alma@example.se"}, 409, "contact_of_child"),
            ("contact", {"email": "no address"}, 422, "input_invalid"),
        ],
    )
    def test_refusals_change_nothing(
        self,
        client: Client,
        norrby: Headers,
        storage: Storage,
        change: str,
        body: dict[str, Any],
        status: int,
        name: str,
    ) -> None:
        assert post(client, f"/pupils/alma/{change}", norrby, {**body, **WHY}, status)["name"] == name
        assert post(client, f"/pupils/alma/{change}", norrby, body, 422)["name"] == "input_invalid"
        assert count(storage, pupil_events) == 0

    def test_the_address_of_a_pupil_of_age(self, client: Client, soderby: Headers, storage: Storage) -> None:
        post(client, "/pupils/anton/contact", soderby, {"email": "anton@example.se", **WHY})
        assert facts(storage, ContactRegistered)[-1].email == "anton@example.se"
        assert "anton@" not in str(get(client, "/pupils/anton", soderby))

    def test_another_municipalitys_staff(self, client: Client, soderby: Headers, maria: Headers) -> None:
        for change in ("move", "identity", "guardian", "contact", "household", "record"):
            problem = post(client, f"/pupils/alma/{change}", soderby, WHY, 403)
            assert problem["name"] == "municipality_not_yours"
            assert post(client, f"/pupils/alma/{change}", maria, WHY, 403)["name"] == "role_not_allowed"

    def test_of_a_protected_pupil_its_home_staff_read_no_name(self, client: Client, soderby: Headers) -> None:
        text = str(get(client, "/pupils/clover", soderby))
        assert "Klöver" in text
        assert not any(secret in text for secret in ("Hemlig", "Skyddad", CLOVER.personal_identity))
        assert get(client, "/pupils/clover", soderby)["pupil"]["home"] is None


class TestForAFamily:
    def test_an_offer_is_answered_and_a_place_given_up(
        self, client: Client, norrby: Headers, soderby: Headers, storage: Storage
    ) -> None:
        """A pupil with protected identity, who uses no e-service."""
        ids = children(storage, 2)
        order = [*ids, "clover"]
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(order)))
        withdraw(storage, "a0")
        path = "/applications/a2/for-family"
        assert (
            post(client, path, soderby, {"action": "accept", **WHY}, 403)["name"] == "municipality_not_yours"
        )
        assert post(client, path, norrby, {"action": "accept", **WHY})["state"] == "placed"
        assert post(client, path, norrby, {"action": "decline", **WHY}, 409)["name"] == "no_offer"
        assert post(client, path, norrby, {"action": "withdraw", **WHY})["outcome"] == "withdrawn"
        assert states(storage)["a2"] == "withdrawn"
        assert post(client, path, norrby, {"action": "withdraw", **WHY}, 409)["name"] == "already_ended"
        assert post(client, path, norrby, {"action": "cancel", **WHY}, 422)["name"] == "input_invalid"
        post(client, "/applications/nothing/for-family", norrby, {"action": "withdraw", **WHY}, 404)

    def test_an_instrument_is_rented(
        self, client: Client, norrby: Headers, soderby: Headers, storage: Storage
    ) -> None:
        rental = Rental(38000, LocalText("Instrumenthyra", "Instrument rental"))
        book = replace(NORRBYS_RULES, pricing=Pricing(rental=rental))
        tell(storage, RuleBookPublished("norrby-2024", book))
        applied(storage, "a1")
        path, body = "/applications/a1/choose-for-family", {"rents": "violin", **WHY}
        post(client, path, soderby, body, 403)
        assert post(client, path, norrby, body)["price"]["total_ore"] == 85000 + 38000
        assert rows_of(storage)["a1"].rents == "violin"
        assert post(client, path, norrby, {"rents": "spaceship", **WHY}, 422)["name"] == "instrument_unknown"
        assert post(client, path, norrby, {"rents": "violin"}, 422)["name"] == "input_invalid"


class TestTwoGuardians:
    def test_opposing_answers_are_settled(
        self, client: Client, norrby: Headers, maria: Headers, samira: Headers, storage: Storage
    ) -> None:
        post(client, "/pupils/alma/guardian", norrby, {"guardian_id": SAMIRA, **WHY})
        order = [*children(storage, 2), "alma"]
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(order)))
        withdraw(storage, "a0")
        assert not post(client, "/applications/a2/decline", maria)["is_disputed"]
        answer = post(client, "/applications/a2/accept", samira)
        assert (answer["state"], answer["is_disputed"], answer["answer_by"]) == ("offered", True, None)
        (course, _) = sorted(
            get(client, "/courses", norrby)["courses"], key=lambda each: each["course_id"], reverse=True
        )
        assert course["next_action"] == {"name": "settle", "count": 1, "path": "/staff/courses/fiddle#settle"}
        path, body = "/applications/a2/settle", {"answer": "yes", **WHY}
        assert post(client, path, maria, body, 403)["name"] == "role_not_allowed"
        answer = post(client, path, norrby, body)
        assert (answer["state"], answer["is_disputed"]) == ("placed", False)
        assert post(client, path, norrby, body, 409)["name"] == "nothing_to_settle"


class TestCeilings:
    def test_set_and_read(self, client: Client, norrby: Headers, soderby: Headers, storage: Storage) -> None:
        applied(storage, "a1", pupil_id="noor")
        (before,) = get(client, "/ceilings", soderby)["ceilings"]
        assert (before["is_set"], before["most_places"]) == (False, None)
        answer = put(client, "/ceilings/vt27", soderby, {"most_places": 5, "most_ore": 1_000_000})
        assert answer == {"term_id": "vt27", "is_set": True, "most_places": 5, "most_ore": 1_000_000,
                          "used_places": 1, "used_ore": 85_000}  # fmt: skip
        assert get(client, "/ceilings", soderby)["ceilings"] == [answer]
        assert put(client, "/ceilings/vt27", soderby, {})["most_places"] is None
        assert not get(client, "/ceilings", norrby)["ceilings"][0]["is_set"]
        put(client, "/ceilings/nothing", soderby, {}, 404)
        for odd in ({"most_places": -1}, {"most_ore": "x"}, {"most_places": 1.5}, {"more": 1}):
            put(client, "/ceilings/vt27", soderby, odd, 422)


class TestStatistics:
    def test_small_numbers_are_not_told(self, client: Client, norrby: Headers, storage: Storage) -> None:
        decide(storage, request("a0", pupil_id="alma"), request("a1", pupil_id="noor"))
        decide(storage, *(request(f"d{n}", "dance", each) for n, each in enumerate(children(storage, 4))))
        found = get(client, "/statistics/vt27", norrby)
        assert (found["places"], found["individuals"], found["courses"]) == (6, 6, 2)
        counts = {each["key"]: each["count"] for each in found["by_municipality"]}
        assert counts == {NORRBY: None, SODERBY: None}
        assert found["least_told"] == 5
        get(client, "/statistics/nothing", norrby, 404)

    def test_the_states_figures_are_exact(self, client: Client, norrby: Headers, storage: Storage) -> None:
        decide(storage, request("a0", pupil_id="alma"), request("a1", pupil_id="noor"))
        found = get(client, "/statistics/vt27/kulturradet", norrby)
        assert found["individuals"] == 2
        of_nine = next(row for row in found["ages"] if row["age"] == 9)
        assert sum(of_nine["places"].values()) == 1
        assert int(ALMA.personal_identity[10]) % 2 == 0
        assert of_nine["places"] == {"f": 1}

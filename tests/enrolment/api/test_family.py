"""What a family reads and does."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.enrolment import commands
from services.enrolment.tables import pupils
from tests.enrolment.api.asking import Headers, application, child, get, post
from tests.enrolment.story import ALMA, CLOVER, NORRBY, SAMIRA, SODERBY, TOVE, applied, count, states

PRICE = {
    "total_ore": 85000,
    "lines": [
        {
            "rule": "norrby-2024/fees/instrument",
            "text": {"sv": "Instrument", "en": "Instrument"},
            "amount_ore": 85000,
        }
    ],
    "options": [],
    "notes": [],
}


class TestMyFamily:
    def test_my_pupils(self, client: Client, maria: Headers, anton: Headers) -> None:
        assert get(client, "/pupils", maria) == {
            "pupils": [
                {"pupil_id": "alma", "name": "Alma Hellström", "protected": False,
                 "home": {"code": NORRBY, "name": "Norrby"}},
                {"pupil_id": "leo", "name": "Leo Hellström", "protected": False,
                 "home": {"code": NORRBY, "name": "Norrby"}},
            ]
        }  # fmt: skip
        assert [each["pupil_id"] for each in get(client, "/pupils", anton)["pupils"]] == ["anton"]

    def test_my_applications(self, client: Client, maria: Headers, samira: Headers, storage: Storage) -> None:
        applied(storage, "a1")
        (mine,) = get(client, "/applications", maria)["applications"]
        assert mine == get(client, "/applications/a1", maria)
        assert mine == {
            "application_id": "a1",
            "state": "placed",
            "outcome": None,
            "rule": "free_seat",
            "basis": "norrby-2024/residents",
            "queued_at": "2026-11-24T09:00:00+00:00",
            "decided_at": "2026-11-24T09:00:00+00:00",
            "position": None,
            "ahead": {},
            "answer_by": None,
            "declines": 0,
            "renew_by": None,
            "choice": None,
            "party_id": None,
            "rents": None,
            "voucher_ore": 0,
            "is_disputed": False,
            "price": PRICE,
            "pupil": get(client, "/pupils", maria)["pupils"][0],
            "course": {
                "course_id": "fiddle",
                "title": {"sv": "Lördagsfiol", "en": "Saturday fiddle"},
                "school_name": "Norrby kulturskola",
                "municipality_code": NORRBY,
                "weekday": 6,
                "starts_at": "16:30",
                "capacity": 2,
                "taken": 1,
                "waiting": 0,
            },
        }
        assert get(client, "/applications", samira) == {"applications": []}

    @pytest.mark.parametrize("action", ["", "/withdraw", "/accept", "/decline"])
    def test_another_familys_is_not_there(
        self, client: Client, maria: Headers, samira: Headers, anton: Headers, storage: Storage, action: str
    ) -> None:
        applied(storage, "a0", "circus", "anton")
        applied(storage, "a1", "circus", "alma")
        with storage.unit() as unit:
            commands.withdraw(unit, "a0", "the tests")
        ask = post if action else get
        for headers in (samira, anton):
            answers = [
                ask(client, f"/applications/{each}{action}", headers, status=404)  # type: ignore[operator]
                for each in ("a1", "there-is-none")
            ]
            assert answers[0] == answers[1]
            assert answers[0]["name"] == "application_unknown"
        assert states(storage, "circus")["a1"] == "offered"

    def test_withdrawing(self, client: Client, maria: Headers, storage: Storage) -> None:
        applied(storage, "a1")
        answer = post(client, "/applications/a1/withdraw", maria)
        assert (answer["state"], answer["outcome"], answer["course"]["taken"]) == ("ended", "withdrawn", 0)
        assert post(client, "/applications/a1/withdraw", maria, status=409)["name"] == "already_ended"
        body = application(application_id=new_id())
        assert post(client, "/applications", maria, body)["already"] is False

    @pytest.mark.parametrize(
        ("action", "state", "outcome"), [("accept", "placed", None), ("decline", "ended", "declined")]
    )
    def test_answering_an_offer(
        self, client: Client, maria: Headers, storage: Storage, action: str, state: str, outcome: str | None
    ) -> None:
        applied(storage, "a0", "circus", "anton")
        applied(storage, "a1", "circus", "alma")
        assert post(client, f"/applications/a1/{action}", maria, status=409)["name"] == "no_offer"
        with storage.unit() as unit:
            commands.withdraw(unit, "a0", "the tests")
        answer = post(client, f"/applications/a1/{action}", maria)
        assert (answer["state"], answer["outcome"]) == (state, outcome)

    def test_verdicts(self, client: Client, maria: Headers, samira: Headers, storage: Storage) -> None:
        applied(storage, "a1")
        alma, leo = get(client, "/courses/fiddle/verdicts", maria)["verdicts"]
        assert alma == {
            "pupil_id": "alma",
            "age": 9,
            "may_apply": True,
            "refusal": None,
            "reason": "The pupil lives in Norrby, the municipality that holds the course.",
            "rule": "norrby-2024/residents",
            "fee_ore": 85000,
            "price": PRICE,
            "application_id": "a1",
            "waits_by": None,
        }
        assert (leo["may_apply"], leo["refusal"], leo["rule"]) == (False, "pupil_too_old", "norrby-2024/ages")
        assert "up to 12 years" in leo["reason"]
        (noor,) = get(client, "/courses/circus/verdicts", samira)["verdicts"]
        assert (noor["may_apply"], noor["fee_ore"], noor["application_id"]) == (True, None, None)
        assert get(client, "/courses/nothing/verdicts", maria, 404)["name"] == "course_unknown"

    def test_adding_a_child(self, client: Client, maria: Headers, storage: Storage) -> None:
        body = child()
        for _ in range(2):
            assert post(client, "/pupils", maria, body, 201) == {"pupil_id": body["pupil_id"]}
        assert len(get(client, "/pupils", maria)["pupils"]) == 3
        assert count(storage, pupils) == 7

    @pytest.mark.parametrize(
        ("changes", "status", "name"),
        [
            ({"personal_identity": "20170102-0000"}, 422, "personal_identity_invalid"),
            ({"personal_identity": ""}, 422, "input_invalid"),
            ({"personal_identity": 201701022383}, 422, "input_invalid"),
            ({"pupil_id": "alma"}, 422, "input_invalid"),
            ({"home_municipality": SODERBY}, 422, "input_invalid"),  # where the guardian lives
            ({"guardian_id": SAMIRA}, 422, "input_invalid"),
            ({"alias": "Eken"}, 422, "input_invalid"),
        ],
    )
    def test_a_child_that_cannot_be(
        self,
        client: Client,
        maria: Headers,
        storage: Storage,
        changes: dict[str, Any],
        status: int,
        name: str,
    ) -> None:
        assert post(client, "/pupils", maria, child(**changes), status)["name"] == name
        assert count(storage, pupils) == 6

    def test_anothers_number_tells_nothing(self, client: Client, samira: Headers, storage: Storage) -> None:
        """One and the same document for every child that is registered."""
        problems = [
            post(client, "/pupils", samira, child(personal_identity=known.personal_identity, **guess), 409)
            for known in (ALMA, TOVE, CLOVER)
            for guess in ({}, {"given_name": known.given_name, "family_name": known.family_name})
        ]
        assert all(problem == problems[0] for problem in problems)
        assert problems[0] == {
            "type": "urn:samklang:problem:personal_identity_known",
            "title": "That is not possible",
            "status": 409,
            "detail": "A child with this number is registered already. "
            "Ask your culture school to connect you to it: the id that it needs stands at the end of your "
            "page.",
            "name": "personal_identity_known",
        }
        assert [each["pupil_id"] for each in get(client, "/pupils", samira)["pupils"]] == ["noor"]
        assert count(storage, pupils) == 6

"""What staff read and enter."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.enrolment.tables import applications, pupils
from tests.enrolment.api.asking import Headers, get, on_paper, post
from tests.enrolment.story import ALMA, CLOVER, NORRBY, UTBY, applied, children, count, decide, request
from tests.web import bearer


class TestStaff:
    def test_participants(self, client: Client, norrby: Headers, storage: Storage) -> None:
        ids = children(storage, 3)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        found = get(client, "/courses/fiddle/participants", norrby)["applications"]
        assert [(each["application_id"], each["state"], each["position"]) for each in found] == [
            ("a0", "placed", None),
            ("a1", "placed", None),
            ("a2", "queued", 1),
        ]

    def test_a_protected_pupil_has_an_alias_and_no_home(
        self, client: Client, norrby: Headers, soderby: Headers, storage: Storage
    ) -> None:
        """Not between the lines either: the basis would say that it lives where the course is."""
        applied(storage, "a1", pupil_id="clover")
        applied(storage, "a2", "circus", "clover")
        for path, headers in (
            ("/courses/fiddle/participants", norrby),
            ("/courses/circus/participants", soderby),
            ("/pupils-elsewhere", soderby),
        ):
            (found,) = get(client, path, headers)["applications"]
            assert found["pupil"] == {
                "pupil_id": "clover",
                "name": "Klöver",
                "protected": True,
                "home": None,
            }
            assert found["basis"] is None
            assert not any(secret in str(found) for secret in ("Hemlig", "Skyddad", CLOVER.personal_identity))

    def test_own_courses_and_own_pupils_elsewhere(
        self, client: Client, norrby: Headers, soderby: Headers, storage: Storage
    ) -> None:
        applied(storage, "a1", pupil_id="noor")
        own = get(client, "/courses", norrby)["courses"]
        assert [(each["course_id"], each["taken"]) for each in own] == [("dance", 0), ("fiddle", 1)]
        (elsewhere,) = get(client, "/pupils-elsewhere", soderby)["applications"]
        assert (elsewhere["application_id"], elsewhere["course"]["municipality_code"]) == ("a1", NORRBY)
        assert get(client, "/pupils-elsewhere", norrby) == {"applications": []}

    def test_another_municipalitys_staff(
        self, client: Client, soderby: Headers, norrby: Headers, storage: Storage
    ) -> None:
        problem = get(client, "/courses/fiddle/participants", soderby, 403)
        assert problem["name"] == "municipality_not_yours"
        problem = post(client, "/courses/fiddle/entered-applications", soderby, on_paper(), 403)
        assert problem["name"] == "municipality_not_yours"
        assert count(storage, pupils) == 6
        get(client, "/courses/nothing/participants", norrby, 404)
        post(client, "/courses/nothing/entered-applications", norrby, on_paper(), 404)

    def test_the_countys_staff_sees_all(self, client: Client, composition: Composition) -> None:
        county = bearer(composition, role="staff", municipality="19")
        assert len(get(client, "/courses", county)["courses"]) == 3
        get(client, "/courses/fiddle/participants", county)

    def test_an_application_on_paper(self, client: Client, norrby: Headers, storage: Storage) -> None:
        body = on_paper()
        path = "/courses/fiddle/entered-applications"
        answer = post(client, path, norrby, body)
        assert (answer["state"], answer["already"], answer["pupil_id"]) == ("placed", False, body["pupil_id"])
        assert post(client, path, norrby, body) == {**answer, "already": True}
        (found,) = get(client, "/courses/fiddle/participants", norrby)["applications"]
        assert found["queued_at"] == "2026-11-20T22:59:59+00:00"

    def test_a_protected_one_on_paper(self, client: Client, norrby: Headers) -> None:
        path = "/courses/fiddle/entered-applications"
        problem = post(client, path, norrby, on_paper(protected=True), 422)
        assert problem["name"] == "alias_missing"
        post(client, path, norrby, on_paper(protected=True, alias="Eken"))
        (found,) = get(client, "/courses/fiddle/participants", norrby)["applications"]
        assert (found["pupil"]["name"], found["pupil"]["protected"]) == ("Eken", True)

    @pytest.mark.parametrize(
        ("changes", "status", "name"),
        [
            ({"applied_on": "2026-11-25"}, 422, "came_on_impossible"),
            ({"applied_on": "0001-01-01"}, 422, "came_on_impossible"),
            ({"applied_on": "9999-12-31"}, 422, "came_on_impossible"),
            ({"applied_on": "20/11"}, 422, "input_invalid"),
            ({"applied_on": "2026-10-31"}, 409, "application_period_closed"),
            ({"home_municipality": "19021"}, 422, "input_invalid"),
            ({"home_municipality": "0180"}, 422, "municipality_unknown"),
            ({"home_municipality": UTBY}, 409, "home_municipality_not_a_member"),
            ({"protected": True, "alias": "Eken", "personal_identity": ALMA.personal_identity}, 409,
             "pupil_not_protected"),
            ({"protected": "perhaps"}, 422, "input_invalid"),
            ({"voucher_ore": 100_00}, 422, "voucher_not_taken"),
            ({"voucher_ore": "100"}, 422, "input_invalid"),
            ({"voucher": "100"}, 422, "input_invalid"),  # kronor are for forms
        ],
    )  # fmt: skip
    def test_a_paper_that_is_refused(
        self,
        client: Client,
        norrby: Headers,
        storage: Storage,
        changes: dict[str, Any],
        status: int,
        name: str,
    ) -> None:
        problem = post(client, "/courses/fiddle/entered-applications", norrby, on_paper(**changes), status)
        assert problem["name"] == name
        assert (count(storage, pupils), count(storage, applications)) == (6, 0)

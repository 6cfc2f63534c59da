"""Whose a page is, and a form."""

from __future__ import annotations

import time
from datetime import date

import pytest
from itsdangerous.timed import TimestampSigner
from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.enrolment.tables import pupils
from tests.enrolment.pages.visitor import ADDRESS, Visitor, entered, said_on
from tests.enrolment.story import KRISTINA, MARIA, NORRBY, SAMIRA, SODERBY, UTBY, count, number, states


class TestNobodyElses:
    """What is another family's is not there, and what is another municipality's is refused."""

    @pytest.mark.parametrize(
        ("person", "role"),
        [(SAMIRA, "guardian"), (KRISTINA, "guardian"), ("anton", "pupil"), ("x", "guardian")],
    )
    def test_another_familys_application_is_not_there(
        self, full: Storage, visitor: Visitor, person: str, role: str
    ) -> None:
        other = visitor.is_family(person, role)
        nowhere = "/my/applications/there-is-none"
        missing = said_on(other.reads(nowhere, 404), nowhere)
        for path in (ADDRESS, f"{ADDRESS}/withdraw"):
            assert said_on(other.reads(path, 404), path) == missing
        for action in ("withdraw", "accept", "decline"):
            other.sends(f"{ADDRESS}/{action}", 404)
            other.sends(f"/my/applications/a5/{action}", 404)
        assert (states(full)["a1"], states(full, "circus")["a5"]) == ("placed", "offered")

    @pytest.mark.parametrize("path", ["", "/participants.csv", "/enter"])
    @pytest.mark.parametrize("municipality", [SODERBY, UTBY, "20"])
    def test_another_municipalitys_staff_is_refused(
        self, full: Storage, visitor: Visitor, path: str, municipality: str
    ) -> None:
        other = visitor.is_staff(municipality)
        text = other.reads(f"/staff/courses/fiddle{path}", 403)
        assert "another municipality" in text
        assert "Alma" not in text
        if path == "/enter":
            other.sends("/staff/courses/fiddle/enter", 403, **entered())
        assert count(full, pupils) == 8

    def test_the_countys_staff_may(self, full: Storage, visitor: Visitor) -> None:
        assert "Alma Hellström" in visitor.is_staff("19").reads("/staff/courses/fiddle")

    @pytest.mark.parametrize("path", ["", "/participants.csv", "/enter"])
    def test_a_course_that_is_not_there(self, staff: Visitor, path: str) -> None:
        staff.reads(f"/staff/courses/nothing{path}", 404)

    FAMILYS = ("/apply/fiddle", "/my", ADDRESS, f"{ADDRESS}/withdraw", "/my/children/new")
    STAFFS = ("/staff", "/staff/courses/fiddle", "/staff/courses/fiddle/participants.csv",
              "/staff/courses/fiddle/enter")  # fmt: skip

    @pytest.mark.parametrize("role", ["guardian", "pupil", "staff", "finance", "operator"])
    def test_each_role_has_its_pages(self, full: Storage, visitor: Visitor, role: str) -> None:
        family = role in ("guardian", "pupil")
        if family:
            visitor.is_family(MARIA if role == "guardian" else "alma", role)
        else:
            visitor.is_staff(NORRBY, role)
        for path in self.FAMILYS:
            may = family and not (role == "pupil" and path == "/my/children/new")
            visitor.reads(path, 200 if may else 403)
        for path in self.STAFFS:
            visitor.reads(path, 200 if role == "staff" else 403)

    def test_who_is_not_signed_in_is_led_to_the_login_and_back(self, client: Client) -> None:
        for path in (*self.FAMILYS, *self.STAFFS):
            answer = client.get(path)
            assert answer.status_code == 303
            assert answer.headers["Location"] == f"/login?next={path.replace('/', '%2F')}"
        for path in ("/apply/fiddle", f"{ADDRESS}/withdraw", "/my/children/new", self.STAFFS[-1]):
            assert client.post(path).headers["Location"].startswith("/login?")

    def test_a_person_without_an_id_finds_nothing(self, visitor: Visitor) -> None:
        nobody = visitor.is_staff(NORRBY, "guardian")
        for path in ("/my", "/apply/fiddle", ADDRESS):
            nobody.reads(path, 404)


class TestForgery:
    FORMS = (
        (MARIA, "/apply/circus", {"application_id": new_id(), "pupil_id": "leo"}),
        (MARIA, f"{ADDRESS}/withdraw", {}),
        (MARIA, "/my/applications/a5/accept", {}),
        (MARIA, "/my/applications/a5/decline", {}),
        (MARIA, "/my/children/new", {"pupil_id": new_id(), "personal_identity": number(date(2017, 1, 2)),
                                     "given_name": "Ny", "family_name": "Elev"}),
        (None, "/staff/courses/fiddle/enter", entered()),
    )  # fmt: skip

    @pytest.mark.parametrize(("person", "path", "form"), FORMS, ids=[form[1] for form in FORMS])
    def test_a_form_that_another_site_sent_or_that_is_a_day_old_does_nothing(
        self,
        full: Storage,
        visitor: Visitor,
        monkeypatch: pytest.MonkeyPatch,
        person: str | None,
        path: str,
        form: dict[str, str],
    ) -> None:
        before = (states(full), states(full, "circus"), count(full, pupils))
        yesterday = int(time.time()) - 86_400
        with monkeypatch.context() as patch:
            patch.setattr(TimestampSigner, "get_timestamp", lambda _self: yesterday)
            old = (visitor.is_family(person) if person else visitor.is_staff()).token
        # The session of yesterday has ended as well.
        assert visitor.client.post(path, data={"csrf_token": old, **form}).status_code == 303
        assert (visitor.is_family(person) if person else visitor.is_staff()).token != old
        for token in (old, "", "forged", visitor.token + "x"):
            answer = visitor.client.post(path, data={"csrf_token": token, **form})
            assert answer.status_code == 403
            assert "The form has expired" in answer.text
        assert visitor.client.post(path, data=form).status_code == 403
        assert (states(full), states(full, "circus"), count(full, pupils)) == before
        visitor.sends(path, 303, **form)  # and with its own token it does
        assert (states(full), states(full, "circus"), count(full, pupils)) != before

    def test_every_form_carries_its_token(self, full: Storage, visitor: Visitor) -> None:
        visitor.is_family(MARIA)
        pages = [
            visitor.reads(path) for path in ("/my/applications/a5", f"{ADDRESS}/withdraw", "/my/children/new")
        ]
        pages.append(visitor.is_family(SAMIRA).reads("/apply/circus"))
        pages.append(visitor.is_staff().reads("/staff/courses/fiddle/enter"))
        for page in pages:
            forms = page.count('method="post"')
            assert forms > page.count('action="/logout"')
            assert page.count('name="csrf_token"') >= forms - page.count('action="/logout"')

"""A browser in which somebody is signed in, and what it fills in."""

from __future__ import annotations

import html
import re
from datetime import date
from typing import Any

from werkzeug.test import Client, TestResponse

from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment import commands
from tests.enrolment.story import KRISTINA, MARIA, NORRBY, SAMIRA, SODERBY, UTBY, number
from tests.web import sign_in

HOMES = {MARIA: NORRBY, SAMIRA: SODERBY, KRISTINA: UTBY, "anton": SODERBY, "clover": SODERBY}
ADDRESS = "/my/applications/a1"


class Visitor:
    """A browser of somebody who is signed in, and the token its forms carry."""

    def __init__(self, client: Client, composition: Composition) -> None:
        self.client, self.composition = client, composition
        self.token = ""

    def is_family(self, person: str, role: str = "guardian") -> Visitor:
        return self._is(role, HOMES.get(person, NORRBY), person)

    def is_staff(self, municipality: str = NORRBY, role: str = "staff") -> Visitor:
        return self._is(role, municipality, None)

    def _is(self, role: str, municipality: str, person: str | None) -> Visitor:
        self.token = sign_in(
            self.client,
            self.composition,
            role=role,
            municipality=municipality,
            person_id=person,
            name="Maria Hellström",
        )
        return self

    def reads(self, path: str, status: int = 200, language: str = "en") -> str:
        self.client.set_cookie(LANGUAGE_COOKIE, language)
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return html.unescape(answer.text)

    def sends(self, path: str, status: int = 303, **form: Any) -> TestResponse:
        answer = self.client.post(path, data={"csrf_token": self.token, **form})
        assert answer.status_code == status, answer.text
        return answer


def withdraw(storage: Storage, application_id: str) -> None:
    with storage.unit() as unit:
        commands.withdraw(unit, application_id, "the tests")


def refusal(answer: TestResponse) -> str:
    return html.unescape(answer.text)


def said_on(page: str, path: str) -> str:
    """What a page says, without its own address and without the form's token, which is of the second."""
    page = page.replace(path, "").replace(path.replace("/", "%2F"), "")
    return re.sub(r'name="csrf_token" value="[^"]*"', "", page)


def entered(**changes: str) -> dict[str, str]:
    return {
        "application_id": new_id(),
        "pupil_id": new_id(),
        "personal_identity": number(date(2017, 1, 2)),
        "given_name": "Ny",
        "family_name": "Elev",
        "home_municipality": SODERBY,
        "applied_on": "2026-11-20",
        "why": "on paper, signed by the mother",
        **changes,
    }

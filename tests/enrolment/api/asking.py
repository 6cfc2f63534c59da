"""Asking the API, and what is asked."""

from __future__ import annotations

from datetime import date
from typing import Any

from werkzeug.test import Client

from services.chassis.ids import new_id
from tests.enrolment.story import SODERBY, number

API = "/api/enrolment"
Headers = dict[str, str]


def get(client: Client, path: str, headers: Headers, status: int = 200) -> Any:
    answer = client.get(API + path, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json


def post(client: Client, path: str, headers: Headers, body: Any = None, status: int = 200) -> Any:
    answer = client.post(API + path, headers=headers, json={} if body is None else body)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.content_type == "application/problem+json"
    return answer.json


def application(course_id: str = "fiddle", pupil_id: str = "alma", **changes: Any) -> dict[str, Any]:
    return {"application_id": new_id(), "course_id": course_id, "pupil_id": pupil_id, **changes}


def child(**changes: Any) -> dict[str, Any]:
    return {
        "pupil_id": new_id(),
        "personal_identity": number(date(2017, 1, 2)),
        "given_name": "Ny",
        "family_name": "Elev",
        **changes,
    }


def on_paper(**changes: Any) -> dict[str, Any]:
    more = {
        "application_id": new_id(),
        "home_municipality": SODERBY,
        "applied_on": "2026-11-20",
        "why": "on paper",
    }
    return {**child(), **more, **changes}
